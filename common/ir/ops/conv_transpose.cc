// Transposed convolutions.
#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/ir/ops/conv.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/window.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {

absl::Status InferConvTranspose(TypeContext& c, int spatial) {
  RETURN_IF_ERROR(CheckConvOperands(c, spatial, true));
  const TensorType& input = c.tensor("input");
  const TensorType& weight = c.tensor("weight");
  if (IsIntegral(input.dtype) && input.dtype != v1::DATA_TYPE_INT64) {
    return c.Fail("CONV_T_C3", "input", "of whole numbers, only int64 is spread over a kernel",
                  "int64 or a floating-point tensor", TypeText(input), "DTYPE_MISMATCH");
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> stride, WindowInts(c, "stride", spatial, 1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> padding, WindowInts(c, "padding", spatial, 0));
  ASSIGN_OR_RETURN(const std::vector<int64_t> dilation, WindowInts(c, "dilation", spatial, 1));
  ASSIGN_OR_RETURN(const std::vector<int64_t> extra, WindowInts(c, "output_padding", spatial, 0));
  const int channel_dim = input.rank() - spatial - 1;
  TensorType out = input.WithDim(channel_dim, weight.dim(1) * Dim(c.Int("groups")));
  for (int i = 0; i < spatial; ++i) {
    const size_t s = static_cast<size_t>(i);
    const int d = channel_dim + 1 + i;
    const int64_t most = std::max(stride[s], dilation[s]) - 1;
    if (extra[s] > most) {
      return c.Fail("CONV_T_C1", "output_padding",
                    "output_padding must be smaller than stride or dilation",
                    fmt::format("at most {}", most), fmt::format("{}", extra[s]), "PARAM_RANGE");
    }
    Dim size = (input.dim(d) - Dim(1)) * Dim(stride[s]) - Dim(2 * padding[s]) +
               (weight.dim(2 + i) - Dim(1)) * Dim(dilation[s]) + Dim(extra[s] + 1);
    if (!c.AtLeast(input.dim(d), 1) || !c.AtLeast(size, 1)) {
      return c.Fail("CONV_T_C2", "input", "nothing is left of the result after the padding",
                    "a result of 1 or more in each dimension",
                    fmt::format("{} in dimension {} for {}", size.ToString(), d, TypeText(input)));
    }
    out = out.WithDim(d, std::move(size));
  }
  return c.Output(std::move(out));
}

// Every input element is multiplied with the kernels of its group's output channels.
Dim ConvTransposeFlops(const TypeContext& c) {
  const TensorType& weight = c.tensor("weight");
  Dim per_input(2);
  for (int i = 1; i < weight.rank(); ++i) per_input = per_input * weight.dim(i);
  return c.tensor("input").Numel() * per_input;
}

std::vector<Rule> ConvTransposeRules() {
  std::vector<Rule> rules = ConvOperandRules();
  rules.push_back({"CONV_T_C1", "output_padding is smaller than stride or dilation"});
  rules.push_back({"CONV_T_C2", "something is left of the result after the padding"});
  rules.push_back({"CONV_T_C3", "whole numbers are int64"});
  return rules;
}

namespace {

template <int kSpatial>
absl::Status InferN(TypeContext& c) {
  return InferConvTranspose(c, kSpatial);
}

struct Entry {
  std::string_view name, schema;
  absl::Status (*infer)(TypeContext&);
};

constexpr Entry kEntries[] = {
    {"aten.conv_transpose1d.default",
     "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=1, SymInt[1] padding=0, "
     "SymInt[1] output_padding=0, SymInt groups=1, SymInt[1] dilation=1) -> Tensor",
     InferN<1>},
    {"aten.conv_transpose2d.input",
     "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, SymInt[2] padding=0, "
     "SymInt[2] output_padding=0, SymInt groups=1, SymInt[2] dilation=1) -> Tensor",
     InferN<2>},
    {"aten.conv_transpose3d.input",
     "(Tensor input, Tensor weight, Tensor? bias=None, SymInt[3] stride=1, SymInt[3] padding=0, "
     "SymInt[3] output_padding=0, SymInt groups=1, SymInt[3] dilation=1) -> Tensor",
     InferN<3>},
};

}  // namespace

void AddConvTranspose(std::vector<OpDef>& ops) {
  for (const Entry& entry : kEntries) {
    ops.push_back({.name = entry.name,
                   .schema = entry.schema,
                   .infer = entry.infer,
                   .flops = ConvTransposeFlops,
                   .rules = ConvTransposeRules(),
                   .product = true,
                   .saved = "input weight"});
  }
}

}  // namespace graphkiln::ir::ops
