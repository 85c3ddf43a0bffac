// Matrix products.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"

namespace graphkiln::ir::ops {
namespace {

absl::Status InferLinear(TypeContext& c) {
  const TensorType& input = c.tensor("input");
  const TensorType& weight = c.tensor("weight");
  if (input.rank() == 0) {
    return c.Fail("LINEAR_C2", "input", "input must have at least one dimension", "rank 1 or more",
                  TypeText(input), "RANK_MISMATCH");
  }
  RETURN_IF_ERROR(c.SameDType("LINEAR_C3", "input", "weight"));
  if (input.dim(-1) != weight.dim(1)) {
    return c.Fail("LINEAR_C1", "input", "the last dimension must be in_features",
                  TypeText(input.WithDim(-1, weight.dim(1))), TypeText(input));
  }
  return c.Output(input.WithDim(-1, weight.dim(0)));
}

}  // namespace

void AddLinear(std::vector<OpDef>& ops) {
  ops.push_back({.name = "aten.linear.default",
                 .schema = "(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
                 .infer = InferLinear,
                 .flops =
                     [](const TypeContext& c) {
                       const Dim per_output = c.tensor("weight").dim(1) * Dim(2);
                       return c.output(0).Numel() *
                              (c.Has("bias") ? per_output + Dim(1) : per_output);
                     },
                 .rules = {{"LINEAR_C1", "input's last dimension equals weight's last dimension"},
                           {"LINEAR_C2", "input has rank 1 or more"},
                           {"LINEAR_C3", "input and weight have one element type"}},
                 .saved = "input weight"});
}

}  // namespace graphkiln::ir::ops
