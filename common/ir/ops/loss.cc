// Losses of element with element. `reduction` is at::Reduction: 0 none, 1 mean, 2 sum.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/ops/loss_rules.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

// The prediction is called `self`, `input` or `input1`.
std::string_view Prediction(const TypeContext& c) { return c.op().args[0].name; }

absl::Status SameShapes(TypeContext& c) {
  const TensorType& self = c.tensor(Prediction(c));
  const TensorType& target = c.tensor("target");
  // PyTorch broadcasts with a warning; a silent broadcast of [B] against [B, 1] is a classical
  // mistake, so it is an error here.
  if (self.shape != target.shape) {
    return c.Fail("LOSS_C1", "target", "target must have the shape of the prediction",
                  TypeText(self), TypeText(target));
  }
  return c.Floating("LOSS_C2", Prediction(c));
}

// Truth values cannot be subtracted, which not every loss does for all parameters.
bool Subtracts(const TypeContext& c) {
  if (c.op().name == "aten.smooth_l1_loss.default") return c.Float("beta") == 0;
  if (c.op().name == "aten.poisson_nll_loss.default") return c.Flag("full");
  return c.op().name == "aten.l1_loss.default";
}

absl::Status InferElementLoss(TypeContext& c) {
  RETURN_IF_ERROR(SameShapes(c));
  if (c.tensor("target").dtype == v1::DATA_TYPE_BOOL && Subtracts(c)) {
    return c.Fail("LOSS_C4", "target", "target must hold numbers, no truth values",
                  TypeText(c.tensor(Prediction(c))), TypeText(c.tensor("target")),
                  "DTYPE_MISMATCH");
  }
  const TensorType& self = c.tensor(Prediction(c));
  // Only compared with 1 and -1, the target lends its element type to nothing.
  if (c.op().name == "aten.hinge_embedding_loss.default") return Reduced(c, self);
  return Reduced(c, self.WithDType(Promote(self.dtype, c.tensor("target").dtype)));
}

// Kernels whose backward takes one element type only.
absl::Status InferSameTypeLoss(TypeContext& c) {
  RETURN_IF_ERROR(SameShapes(c));
  RETURN_IF_ERROR(c.SameDType("LOSS_C3", "target", Prediction(c)));
  return Reduced(c, c.tensor(Prediction(c)));
}

absl::Status Positive(TypeContext& c, std::string_view rule, std::string_view arg) {
  if (c.Float(arg) > 0) return absl::OkStatus();
  return c.Fail(rule, arg, fmt::format("{} must be above 0", arg), "a number above 0",
                fmt::format("{}", c.Float(arg)), "PARAM_RANGE");
}

absl::Status InferHuber(TypeContext& c) {
  RETURN_IF_ERROR(Positive(c, "HUBER_C1", "delta"));
  return InferSameTypeLoss(c);
}

absl::Status InferSmoothL1(TypeContext& c) {
  if (!(c.Float("beta") >= 0)) {
    return c.Fail("SMOOTH_L1_C1", "beta", "beta must be 0 or more", "0 or more",
                  fmt::format("{}", c.Float("beta")), "PARAM_RANGE");
  }
  return InferElementLoss(c);
}

absl::Status InferBinaryCrossEntropy(TypeContext& c) {
  for (const char* arg : {"weight", "pos_weight"}) {
    if (!c.Has(arg)) continue;
    const TensorType& self = c.tensor("self");
    const auto shape = Broadcast(self.shape, c.tensor(arg).shape);
    if (shape && *shape == self.shape) continue;
    return c.Fail("BCE_C1", arg, fmt::format("{} must broadcast to the prediction", arg),
                  ShapeText(self.shape), TypeText(c.tensor(arg)));
  }
  return InferSameTypeLoss(c);
}

OpDef Element(std::string_view name, std::string_view schema) {
  return {.name = name,
          .schema = schema,
          .infer = InferElementLoss,
          .flops = PerPrediction<3>,
          .rules = {{"LOSS_C1", "prediction and target have one shape"},
                    {"LOSS_C2", "the prediction is floating-point"}},
          .saved = "self target"};
}

OpDef SameType(std::string_view name, std::string_view schema) {
  OpDef op = Element(name, schema);
  op.infer = InferSameTypeLoss;
  op.rules.push_back({"LOSS_C3", "prediction and target have one element type"});
  return op;
}

}  // namespace

void AddLoss(std::vector<OpDef>& ops) {
  ops.push_back(SameType("aten.mse_loss.default",
                         "(Tensor self, Tensor target, int reduction=Mean) -> Tensor"));
  ops.push_back(Element("aten.l1_loss.default",
                        "(Tensor self, Tensor target, int reduction=Mean) -> Tensor"));
  const Rule numbers = {"LOSS_C4", "target holds numbers where it is subtracted"};
  ops.back().rules.push_back(numbers);
  ops.push_back(
      SameType("aten.huber_loss.default",
               "(Tensor self, Tensor target, int reduction=Mean, float delta=1.) -> Tensor"));
  ops.back().infer = InferHuber;
  ops.back().flops = PerPrediction<5>;
  ops.back().rules.push_back({"HUBER_C1", "delta is above 0"});
  ops.push_back(
      Element("aten.smooth_l1_loss.default",
              "(Tensor self, Tensor target, int reduction=Mean, float beta=1.) -> Tensor"));
  ops.back().infer = InferSmoothL1;
  ops.back().rules.push_back(numbers);
  ops.back().flops = PerPrediction<5>;
  ops.back().rules.push_back({"SMOOTH_L1_C1", "beta is 0 or more"});
  ops.push_back(Element("aten.soft_margin_loss.default",
                        "(Tensor self, Tensor target, int reduction=Mean) -> Tensor"));
  ops.back().flops = PerPrediction<4>;
  ops.push_back(
      Element("aten.hinge_embedding_loss.default",
              "(Tensor self, Tensor target, float margin=1., int reduction=Mean) -> Tensor"));
  ops.back().flops = PerPrediction<4>;
  ops.push_back(Element("aten.poisson_nll_loss.default",
                        "(Tensor input, Tensor target, bool log_input, bool full, float eps, int "
                        "reduction) -> Tensor"));
  ops.back().rules.push_back(numbers);
  ops.back().flops = PerPrediction<4>;
  ops.back().saved = "input target";
  ops.push_back(SameType(
      "aten.kl_div.default",
      "(Tensor self, Tensor target, int reduction=Mean, *, bool log_target=False) -> Tensor"));
  ops.back().flops = PerPrediction<5>;
  const Rule weights = {"BCE_C1", "weight and pos_weight broadcast to the prediction"};
  ops.push_back(
      SameType("aten.binary_cross_entropy.default",
               "(Tensor self, Tensor target, Tensor? weight=None, int reduction=Mean) -> Tensor"));
  ops.back().infer = InferBinaryCrossEntropy;
  ops.back().flops = PerPrediction<6>;
  ops.back().rules.push_back(weights);
  ops.push_back(SameType("aten.binary_cross_entropy_with_logits.default",
                         "(Tensor self, Tensor target, Tensor? weight=None, Tensor? "
                         "pos_weight=None, int reduction=Mean) -> Tensor"));
  ops.back().infer = InferBinaryCrossEntropy;
  ops.back().flops = PerPrediction<7>;
  ops.back().rules.push_back(weights);
}

}  // namespace graphkiln::ir::ops
