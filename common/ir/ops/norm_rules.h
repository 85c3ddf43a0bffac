// What the normalisations of modules and the kernels below them have in common. Used by norm.cc and
// norm_native.cc.
#pragma once

#include <string_view>
#include <vector>

#include "common/ir/op_def.h"
#include "common/ir/type_context.h"

namespace graphkiln::ir::ops {

absl::Status CheckBatchNorm(TypeContext& c);
absl::Status CheckLayerNorm(TypeContext& c);
// `arg` is the number of groups.
absl::Status CheckGroups(TypeContext& c, std::string_view arg, const Dim& channels);

std::vector<Rule> BatchNormRules();
std::vector<Rule> LayerNormRules();
std::vector<Rule> GroupNormRules();

}  // namespace graphkiln::ir::ops
