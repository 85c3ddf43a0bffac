// What convolutions share with transposed ones and with `aten.convolution`, which is both.
#pragma once

#include "common/ir/op_def.h"
#include "common/ir/type_context.h"

namespace graphkiln::ir::ops {

// Ranks, element types, channels, groups and bias. `spatial` is the number of spatial dimensions.
absl::Status CheckConvOperands(TypeContext& c, int spatial, bool transposed);

absl::Status InferConv(TypeContext& c, int spatial);
absl::Status InferConvTranspose(TypeContext& c, int spatial);

// As torch.utils.flop_counter: two per multiply-add; and one for each addition of the bias.
Dim ConvFlops(const TypeContext& c);
Dim ConvTransposeFlops(const TypeContext& c);

std::vector<Rule> ConvOperandRules();
std::vector<Rule> ConvRules();
std::vector<Rule> ConvTransposeRules();

}  // namespace graphkiln::ir::ops
