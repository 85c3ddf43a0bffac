// Losses. `reduction` is at::Reduction: 0 none, 1 mean, 2 sum.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

absl::Status Reduced(TypeContext& c, TensorType element_wise) {
  if (c.Int("reduction") != 0) element_wise.shape.clear();
  return c.Output(std::move(element_wise));
}

absl::Status InferElementLoss(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const TensorType& target = c.tensor("target");
  // PyTorch broadcasts with a warning; a silent broadcast of [B] against [B, 1] is a classical
  // mistake, so it is an error here.
  if (self.shape != target.shape) {
    return c.Fail("LOSS_C1", "target", "target must have the shape of the prediction",
                  TypeText(self), TypeText(target));
  }
  RETURN_IF_ERROR(c.Floating("LOSS_C2", "self"));
  return Reduced(c, {Promote(self.dtype, target.dtype), self.shape});
}

absl::Status InferCrossEntropy(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const TensorType& target = c.tensor("target");
  RETURN_IF_ERROR(c.Floating("LOSS_C2", "self"));
  if (self.rank() == 0) {
    return c.Fail("CROSS_ENTROPY_C1", "self", "the prediction needs a class dimension",
                  "rank 1 or more", TypeText(self), "RANK_MISMATCH");
  }
  const int class_dim = self.rank() == 1 ? 0 : 1;
  if (c.Has("weight") && c.tensor("weight").Numel() != self.dim(class_dim)) {
    return c.Fail("CROSS_ENTROPY_C3", "weight", "there is one weight per class",
                  fmt::format("[{}]", self.dim(class_dim).ToString()),
                  TypeText(c.tensor("weight")));
  }
  TensorType rows = self;
  rows.shape.erase(rows.shape.begin() + class_dim);
  const bool probabilities = IsFloating(target.dtype);
  const std::vector<Dim>& expected = probabilities ? self.shape : rows.shape;
  if (target.shape != expected || !(probabilities || target.dtype == v1::DATA_TYPE_INT64)) {
    return c.Fail("CROSS_ENTROPY_C2", "target",
                  "target must hold class indices or class probabilities",
                  fmt::format("int64{} or {}{}", ShapeText(rows.shape), DTypeName(self.dtype),
                              ShapeText(self.shape)),
                  TypeText(target));
  }
  return Reduced(c, std::move(rows));
}

}  // namespace

void AddLoss(std::vector<OpDef>& ops) {
  const std::vector<Rule> element = {{"LOSS_C1", "prediction and target have one shape"},
                                     {"LOSS_C2", "the prediction is floating-point"}};
  const auto per_element = [](const TypeContext& c) { return c.tensor("self").Numel() * Dim(3); };
  ops.push_back({.name = "aten.mse_loss.default",
                 .schema = "(Tensor self, Tensor target, int reduction=Mean) -> Tensor",
                 .infer = InferElementLoss,
                 .flops = per_element,
                 .rules = element,
                 .saved = "self target"});
  ops.push_back({.name = "aten.l1_loss.default",
                 .schema = "(Tensor self, Tensor target, int reduction=Mean) -> Tensor",
                 .infer = InferElementLoss,
                 .flops = per_element,
                 .rules = element,
                 .saved = "self target"});
  ops.push_back(
      {.name = "aten.cross_entropy_loss.default",
       .schema = "(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, "
                 "SymInt ignore_index=-100, float label_smoothing=0.0) -> Tensor",
       .infer = InferCrossEntropy,
       .flops = [](const TypeContext& c) { return c.tensor("self").Numel() * Dim(6); },
       .rules = {{"LOSS_C2", "the prediction is floating-point"},
                 {"CROSS_ENTROPY_C1", "the prediction has a class dimension"},
                 {"CROSS_ENTROPY_C2",
                  "target holds class indices, or probabilities of the prediction's shape"},
                 {"CROSS_ENTROPY_C3", "there is one weight per class"}},
       .saved = "self target"});
}

}  // namespace graphkiln::ir::ops
