// Losses over classes: the prediction has a class dimension. `reduction` is at::Reduction.
#include <algorithm>

#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/loss_rules.h"
#include "common/ir/ops/window.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

int ClassDim(const TensorType& prediction) { return prediction.rank() == 1 ? 0 : 1; }

TensorType Rows(const TensorType& prediction) {
  TensorType rows = prediction;
  if (rows.rank() == 0) return rows;
  rows.shape.erase(rows.shape.begin() + ClassDim(prediction));
  return rows;
}

// Where probabilities are compared, weights of another floating-point type promote.
absl::Status CheckPrediction(TypeContext& c, bool promotes = false) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(c.Floating("LOSS_C2", "self"));
  if (self.rank() == 0) {
    return c.Fail("CROSS_ENTROPY_C1", "self", "the prediction needs a class dimension",
                  "rank 1 or more", TypeText(self), "RANK_MISMATCH");
  }
  if (c.Has("weight")) {
    const TensorType& weight = c.tensor("weight");
    const Dim& classes = self.dim(ClassDim(self));
    if (weight != TensorType{promotes ? weight.dtype : self.dtype, {classes}}) {
      return c.Fail("CROSS_ENTROPY_C3", "weight", "there is one weight per class",
                    fmt::format("[{}]", classes.ToString()), TypeText(weight));
    }
  }
  return absl::OkStatus();
}

absl::Status InferCrossEntropy(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const TensorType& target = c.tensor("target");
  const bool probabilities = IsFloating(target.dtype);
  RETURN_IF_ERROR(CheckPrediction(c, probabilities));
  TensorType rows = Rows(self);
  const Shape& expected = probabilities ? self.shape : rows.shape;
  if (probabilities && c.Int("ignore_index") >= 0) {
    return c.Fail("CROSS_ENTROPY_C4", "ignore_index", "probabilities have no class to leave out",
                  "less than 0", fmt::format("{}", c.Int("ignore_index")), "PARAM_RANGE");
  }
  if (target.shape != expected || !(probabilities || target.dtype == v1::DATA_TYPE_INT64)) {
    return c.Fail("CROSS_ENTROPY_C2", "target",
                  "target must hold class indices or class probabilities",
                  fmt::format("int64{} or {}{}", ShapeText(rows.shape), DTypeName(self.dtype),
                              ShapeText(self.shape)),
                  TypeText(target));
  }
  if (probabilities) {
    rows.dtype = Promote(rows.dtype, target.dtype);
    if (c.Has("weight")) rows.dtype = Promote(rows.dtype, c.tensor("weight").dtype);
  }
  return Reduced(c, std::move(rows));
}

absl::Status CheckNll(TypeContext& c) {
  RETURN_IF_ERROR(CheckPrediction(c));
  const TensorType rows = Rows(c.tensor("self"));
  const TensorType& target = c.tensor("target");
  RETURN_IF_ERROR(ClassIndices(c, "NLL_C1", "target"));
  const TensorType& self = c.tensor("self");
  if (!c.AtLeast(self.dim(ClassDim(self)), 1)) {
    return c.Fail("NLL_C3", "self", "there is no class to choose", "1 class or more",
                  TypeText(self));
  }
  if (target.shape == rows.shape) return absl::OkStatus();
  return c.Fail("NLL_C2", "target", "target must hold one class index for each row",
                fmt::format("int64{}", ShapeText(rows.shape)), TypeText(target));
}

absl::Status InferNll(TypeContext& c) {
  RETURN_IF_ERROR(CheckNll(c));
  return Reduced(c, Rows(c.tensor("self")));
}

// Also gives the sum of the rows' weights.
absl::Status InferNllForward(TypeContext& c) {
  RETURN_IF_ERROR(InferNll(c));
  return c.Output({c.tensor("self").dtype, {}});
}

// [N, C] or [C], or the number of one class.
absl::Status CheckMargin(TypeContext& c) {
  RETURN_IF_ERROR(c.Floating("LOSS_C2", "self"));
  RETURN_IF_ERROR(c.Rank("MULTI_MARGIN_C1", "self", {0, 1, 2}));
  RETURN_IF_ERROR(NonEmpty(c, "MULTI_MARGIN_C5", "self", std::max(c.tensor("self").rank() - 1, 0)));
  return ClassIndices(c, "MULTI_MARGIN_C2", "target");
}

absl::Status InferMultiMargin(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const TensorType& target = c.tensor("target");
  RETURN_IF_ERROR(CheckMargin(c));
  const double p = c.Float("p");
  if (p != 1 && p != 2) {
    return c.Fail("MULTI_MARGIN_C4", "p", "p must be 1 or 2", "1 or 2", fmt::format("{}", p),
                  "PARAM_RANGE");
  }
  // A single row's class index may also stand in a row of one.
  if (target.rank() > 1 || target.Numel() != (self.rank() == 2 ? self.dim(0) : Dim(1))) {
    return c.Fail("MULTI_MARGIN_C3", "target", "target must hold one class index for each row",
                  fmt::format("int64{}", ShapeText(Rows(self).shape)), TypeText(target));
  }
  const TensorType weights{self.dtype, {self.rank() == 0 ? Dim(1) : self.dim(-1)}};
  if (c.Has("weight") && c.tensor("weight") != weights) {
    return c.Fail("CROSS_ENTROPY_C3", "weight", "there is one weight per class",
                  ShapeText(weights.shape), TypeText(c.tensor("weight")));
  }
  return Reduced(c, {self.dtype, target.shape});
}

absl::Status InferMultilabelMargin(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(CheckMargin(c));
  if (c.tensor("target").shape != self.shape) {
    return c.Fail("MULTI_MARGIN_C3", "target",
                  "target must hold class indices, ended by -1, in the prediction's shape",
                  fmt::format("int64{}", ShapeText(self.shape)), TypeText(c.tensor("target")));
  }
  RETURN_IF_ERROR(Reduced(c, Rows(self)));
  return c.op().num_returns == 2 ? c.Output(self) : absl::OkStatus();
}

OpDef Class(std::string_view name, std::string_view schema) {
  return {.name = name,
          .schema = schema,
          .infer = InferCrossEntropy,
          .flops = PerPrediction<6>,
          .rules = {{"LOSS_C2", "the prediction is floating-point"},
                    {"CROSS_ENTROPY_C1", "the prediction has a class dimension"},
                    {"CROSS_ENTROPY_C3", "there is one weight per class"}},
          .saved = "self target"};
}

OpDef Nll(std::string_view name, std::string_view schema, absl::Status (*infer)(TypeContext&)) {
  OpDef op = Class(name, schema);
  op.infer = infer;
  op.flops = [](const TypeContext& c) { return c.tensor("target").Numel() * Dim(2); };
  op.rules.push_back({"NLL_C1", "class indices are int64"});
  op.rules.push_back({"NLL_C2", "there is one class index for each row"});
  op.rules.push_back({"NLL_C3", "there are classes"});
  op.saved = "target";
  return op;
}

OpDef Margin(std::string_view name, std::string_view schema) {
  return {.name = name,
          .schema = schema,
          .infer = InferMultilabelMargin,
          .flops = PerPrediction<4>,
          .rules = {{"LOSS_C2", "the prediction is floating-point"},
                    {"MULTI_MARGIN_C1", "the prediction has rank 2 or less"},
                    {"MULTI_MARGIN_C2", "class indices are int64"},
                    {"MULTI_MARGIN_C3", "target has the prediction's rows"},
                    {"MULTI_MARGIN_C5", "there are classes"}},
          .saved = "self target"};
}

}  // namespace

void AddLossClass(std::vector<OpDef>& ops) {
  ops.push_back(
      Class("aten.cross_entropy_loss.default",
            "(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, SymInt "
            "ignore_index=-100, float label_smoothing=0.0) -> Tensor"));
  ops.back().rules.push_back(
      {"CROSS_ENTROPY_C2",
       "target holds class indices, or probabilities of the prediction's shape"});
  ops.back().rules.push_back(
      {"CROSS_ENTROPY_C4", "ignore_index is negative where target holds probabilities"});
  for (const char* name :
       {"aten.nll_loss_nd.default", "aten.nll_loss.default", "aten.nll_loss2d.default"}) {
    ops.push_back(Nll(name,
                      "(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean, "
                      "SymInt ignore_index=-100) -> Tensor",
                      InferNll));
  }
  for (const char* name : {"aten.nll_loss_forward.default", "aten.nll_loss2d_forward.default"}) {
    ops.push_back(Nll(name,
                      "(Tensor self, Tensor target, Tensor? weight, int reduction, SymInt "
                      "ignore_index) -> (Tensor output, Tensor total_weight)",
                      InferNllForward));
  }
  ops.push_back(Margin("aten.multi_margin_loss.default",
                       "(Tensor self, Tensor target, Scalar p=1, Scalar margin=1, Tensor? "
                       "weight=None, int reduction=Mean) -> Tensor"));
  ops.back().infer = InferMultiMargin;
  ops.back().rules.push_back({"MULTI_MARGIN_C4", "p is 1 or 2"});
  ops.back().rules.push_back({"CROSS_ENTROPY_C3", "there is one weight per class"});
  ops.push_back(Margin("aten.multilabel_margin_loss.default",
                       "(Tensor self, Tensor target, int reduction=Mean) -> Tensor"));
  ops.push_back(
      Margin("aten.multilabel_margin_loss_forward.default",
             "(Tensor self, Tensor target, int reduction) -> (Tensor output, Tensor is_target)"));
}

}  // namespace graphkiln::ir::ops
