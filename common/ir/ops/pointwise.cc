// Arithmetic of element with element.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"

namespace graphkiln::ir::ops {
namespace {

absl::Status InferBinary(TypeContext& c) {
  const TensorType& a = c.tensor("self");
  const TensorType& b = c.tensor("other");
  auto shape = Broadcast(a.shape, b.shape);
  if (!shape) {
    return c.Fail("BROADCAST_C1", "other", "the shapes do not broadcast", TypeText(a), TypeText(b));
  }
  // A scalar tensor does not raise the element type of a tensor of the same category.
  DataType dtype = Promote(a.dtype, b.dtype);
  if (a.rank() > 0 && b.rank() == 0 && IsFloating(a.dtype) == IsFloating(b.dtype)) dtype = a.dtype;
  if (b.rank() > 0 && a.rank() == 0 && IsFloating(a.dtype) == IsFloating(b.dtype)) dtype = b.dtype;
  return c.Output({dtype, *std::move(shape)});
}

std::vector<Rule> BroadcastRules() {
  return {{"BROADCAST_C1", "the shapes of self and other broadcast"}};
}

absl::Status InferInPlaceScalar(TypeContext& c) { return c.OutputLike("self"); }

}  // namespace

void AddPointwise(std::vector<OpDef>& ops) {
  ops.push_back({.name = "aten.add.Tensor",
                 .schema = "(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
                 .infer = InferBinary,
                 .rules = BroadcastRules()});
  ops.push_back({.name = "aten.sub.Tensor",
                 .schema = "(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
                 .infer = InferBinary,
                 .rules = BroadcastRules()});
  ops.push_back({.name = "aten.mul.Tensor",
                 .schema = "(Tensor self, Tensor other) -> Tensor",
                 .infer = InferBinary,
                 .rules = BroadcastRules(),
                 .saved = "self other"});
  // Counts of batches: the run-time flag is added, so that evaluation leaves them as they are.
  ops.push_back({.name = "aten.add_.Scalar",
                 .schema = "(Tensor(a!) self, Scalar other, Scalar alpha=1) -> Tensor(a!)",
                 .infer = InferInPlaceScalar,
                 .differentiable = false,
                 .view = true});
  ops.push_back({.name = "aten.reciprocal.default",
                 .schema = "(Tensor self) -> Tensor",
                 .infer =
                     [](TypeContext& c) {
                       const TensorType& self = c.tensor("self");
                       return c.Output(
                           IsFloating(self.dtype) ? self : self.WithDType(v1::DATA_TYPE_FLOAT32));
                     },
                 .saved = "result"});
  ops.push_back({.name = "aten.item.default",
                 .schema = "(Tensor self) -> Scalar",
                 .infer =
                     [](TypeContext& c) {
                       const TensorType& self = c.tensor("self");
                       if (!self.Numel().IsConst(1)) {
                         return c.Fail("ITEM_C1", "self", "only one element is a number",
                                       "one element", TypeText(self));
                       }
                       c.AddScalarOutput(IsFloating(self.dtype)             ? ValueKind::kFloat
                                         : self.dtype == v1::DATA_TYPE_BOOL ? ValueKind::kBool
                                                                            : ValueKind::kInt);
                       return absl::OkStatus();
                     },
                 .flops = [](const TypeContext&) { return Dim(0); },
                 .rules = {{"ITEM_C1", "self has exactly one element"}},
                 .differentiable = false});
}

}  // namespace graphkiln::ir::ops
