// Activations, element by element; softmaxes and dropouts have files of their own.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

template <int64_t kPerElement>
Dim Times(const TypeContext& c) {
  return c.output(0).Numel() * Dim(kPerElement);
}

absl::Status InferFloatUnary(TypeContext& c) {
  // sigmoid and tanh of whole numbers are float32, as in PyTorch.
  const TensorType& self = c.tensor("self");
  return c.Output(IsFloating(self.dtype) ? self : self.WithDType(v1::DATA_TYPE_FLOAT32));
}

absl::Status InferFloatOnly(TypeContext& c) {
  RETURN_IF_ERROR(c.Floating("ACTIVATION_C1", "self"));
  return c.OutputLike("self");
}

// Whole numbers stay whole numbers.
absl::Status InferNumber(TypeContext& c) {
  if (c.tensor("self").dtype == v1::DATA_TYPE_BOOL) {
    return c.Fail("RELU_C1", "self", "truth values have no activation", "a number", "bool",
                  "DTYPE_MISMATCH");
  }
  return c.OutputLike("self");
}

// Bytes have no number below 0.
absl::Status CheckByteLimits(TypeContext& c, std::string_view rule,
                             std::initializer_list<const char*> args) {
  if (c.tensor("self").dtype != v1::DATA_TYPE_UINT8) return absl::OkStatus();
  for (const char* arg : args) {
    if (c.Float(arg) > -1) continue;  // fractions are cut off
    return c.Fail(rule, arg, fmt::format("{} is no number of uint8", arg), "0 or more",
                  fmt::format("{}", c.Float(arg)), "PARAM_RANGE");
  }
  return absl::OkStatus();
}

absl::Status InferThreshold(TypeContext& c) {
  RETURN_IF_ERROR(CheckByteLimits(c, "THRESHOLD_C1", {"threshold", "value"}));
  return InferNumber(c);
}

absl::Status InferHardtanh(TypeContext& c) {
  if (!(c.Float("min_val") <= c.Float("max_val"))) {
    return c.Fail("HARDTANH_C1", "min_val", "min_val must not be above max_val",
                  fmt::format("at most {}", c.Float("max_val")),
                  fmt::format("{}", c.Float("min_val")), "PARAM_RANGE");
  }
  RETURN_IF_ERROR(CheckByteLimits(c, "HARDTANH_C2", {"min_val", "max_val"}));
  return InferNumber(c);
}

absl::Status InferCelu(TypeContext& c) {
  if (c.Float("alpha") == 0) {
    return c.Fail("CELU_C1", "alpha", "CELU divides by alpha", "a number other than 0", "0",
                  "PARAM_RANGE");
  }
  return InferFloatOnly(c);
}

absl::Status InferSoftshrink(TypeContext& c) {
  if (!(c.Float("lambd") >= 0)) {
    return c.Fail("SOFTSHRINK_C1", "lambd", "lambd must be 0 or more", "0 or more",
                  fmt::format("{}", c.Float("lambd")), "PARAM_RANGE");
  }
  return InferFloatOnly(c);
}

absl::Status CheckRrelu(TypeContext& c) {
  if (!(c.Float("lower") <= c.Float("upper"))) {
    return c.Fail("RRELU_C1", "lower", "lower must not be above upper",
                  fmt::format("at most {}", c.Float("upper")), fmt::format("{}", c.Float("lower")),
                  "PARAM_RANGE");
  }
  return c.Floating("ACTIVATION_C1", "self");
}

absl::Status InferRrelu(TypeContext& c) {
  RETURN_IF_ERROR(CheckRrelu(c));
  return c.OutputLike("self");
}

absl::Status InferRreluWithNoise(TypeContext& c) {
  RETURN_IF_ERROR(CheckRrelu(c));
  if (c.tensor("noise") != c.tensor("self")) {
    return c.Fail("RRELU_C2", "noise", "noise must have self's type", TypeText(c.tensor("self")),
                  TypeText(c.tensor("noise")));
  }
  RETURN_IF_ERROR(c.OutputLike("self"));
  return c.op().num_returns == 2 ? c.OutputLike("noise") : absl::OkStatus();
}

absl::Status InferGlu(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(c.Floating("ACTIVATION_C1", "self"));
  if (self.rank() == 0) {
    return c.Fail("GLU_C1", "self", "a scalar cannot be halved", "rank 1 or more", TypeText(self),
                  "RANK_MISMATCH");
  }
  ASSIGN_OR_RETURN(const int d, c.WrapDim("GLU_C1", "dim", c.Int("dim"), self.rank()));
  const Dim& size = self.dim(d);
  if (!c.MultipleOf(size, 2)) {
    return c.Fail("GLU_C2", "self", fmt::format("dimension {} is halved and must be even", d),
                  "an even size", TypeText(self));
  }
  return c.Output(self.WithDim(d, size.FloorDiv(2)));
}

absl::Status InferPrelu(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  const TensorType& weight = c.tensor("weight");
  RETURN_IF_ERROR(c.Floating("ACTIVATION_C1", "self"));
  RETURN_IF_ERROR(c.SameDType("PRELU_C2", "self", "weight"));
  const Dim channels = self.rank() > 1 ? self.dim(1) : Dim(1);
  if (weight.rank() > 1 || !(weight.Numel().IsConst(1) || weight.Numel() == channels)) {
    return c.Fail("PRELU_C1", "self", "there is one slope, or one for each channel",
                  self.rank() > 1 ? TypeText(self.WithDim(1, weight.Numel())) : "one slope",
                  TypeText(self));
  }
  return c.OutputLike("self");
}

absl::Status InferPreluKernel(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(c.Floating("ACTIVATION_C1", "self"));
  RETURN_IF_ERROR(c.SameDType("PRELU_C2", "self", "weight"));
  const auto shape = Broadcast(self.shape, c.tensor("weight").shape);
  if (!shape || *shape != self.shape) {
    return c.Fail("PRELU_C3", "weight", "the slopes must broadcast to self", ShapeText(self.shape),
                  TypeText(c.tensor("weight")));
  }
  return c.OutputLike("self");
}

absl::Status InferLogSigmoidForward(TypeContext& c) {
  RETURN_IF_ERROR(InferFloatOnly(c));
  return c.OutputLike("self");
}

OpDef Float(std::string_view name, std::string_view schema, Dim (*flops)(const TypeContext&),
            std::string_view saved) {
  return {.name = name,
          .schema = schema,
          .infer = InferFloatOnly,
          .flops = flops,
          .rules = {{"ACTIVATION_C1", "self is floating-point"}},
          .saved = saved};
}

OpDef Number(std::string_view name, std::string_view schema, std::string_view saved) {
  return {.name = name,
          .schema = schema,
          .infer = InferNumber,
          .rules = {{"RELU_C1", "self is no tensor of truth values"}},
          .saved = saved};
}

OpDef Rrelu(std::string_view name, std::string_view schema, absl::Status (*infer)(TypeContext&)) {
  OpDef op = Float(name, schema, Times<3>, "self mask");
  op.infer = infer;
  op.rules.push_back({"RRELU_C1", "lower is not above upper"});
  op.random = true;
  return op;
}

}  // namespace

void AddActivation(std::vector<OpDef>& ops) {
  ops.push_back(Number("aten.relu.default", "(Tensor self) -> Tensor", "result"));
  ops.push_back(Number("aten.relu6.default", "(Tensor self) -> Tensor", "self"));
  ops.push_back(Number("aten.threshold.default",
                       "(Tensor self, Scalar threshold, Scalar value) -> Tensor", "self"));
  ops.back().infer = InferThreshold;
  ops.back().rules.push_back({"THRESHOLD_C1", "threshold and value are numbers of self's type"});
  ops.push_back(Number("aten.hardtanh.default",
                       "(Tensor self, Scalar min_val=-1, Scalar max_val=1) -> Tensor", "self"));
  ops.back().infer = InferHardtanh;
  ops.back().rules.push_back({"HARDTANH_C1", "min_val is not above max_val"});
  ops.back().rules.push_back({"HARDTANH_C2", "the limits are numbers of self's type"});

  for (const char* name : {"aten.sigmoid.default", "aten.tanh.default"}) {
    ops.push_back({.name = name,
                   .schema = "(Tensor self) -> Tensor",
                   .infer = InferFloatUnary,
                   .flops = name[5] == 's' ? Times<4> : Times<5>,
                   .saved = "result"});
  }

  ops.push_back(Float("aten.gelu.default", "(Tensor self, *, str approximate=\"none\") -> Tensor",
                      Times<8>, "self"));
  ops.push_back(Float("aten.elu.default",
                      "(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> "
                      "Tensor",
                      Times<3>, "self"));
  ops.push_back(Float("aten.selu.default", "(Tensor self) -> Tensor", Times<3>, "self"));
  ops.push_back(
      Float("aten.celu.default", "(Tensor self, Scalar alpha=1.) -> Tensor", Times<4>, "self"));
  ops.back().infer = InferCelu;
  ops.back().rules.push_back({"CELU_C1", "alpha is not 0"});
  ops.push_back(Float("aten.hardshrink.default", "(Tensor self, Scalar lambd=0.5) -> Tensor",
                      Times<1>, "self"));
  ops.push_back(Float("aten.softshrink.default", "(Tensor self, Scalar lambd=0.5) -> Tensor",
                      Times<2>, "self"));
  ops.back().infer = InferSoftshrink;
  ops.back().rules.push_back({"SOFTSHRINK_C1", "lambd is 0 or more"});
  ops.push_back(Float("aten.hardsigmoid.default", "(Tensor self) -> Tensor", Times<3>, "self"));
  ops.push_back(Float("aten.hardswish.default", "(Tensor self) -> Tensor", Times<4>, "self"));
  ops.push_back(Float("aten.leaky_relu.default",
                      "(Tensor self, Scalar negative_slope=0.01) -> Tensor", Times<2>, "self"));
  ops.push_back(Float("aten.silu.default", "(Tensor self) -> Tensor", Times<5>, "self"));
  ops.push_back(Float("aten.mish.default", "(Tensor self) -> Tensor", Times<8>, "self"));
  ops.push_back(Float("aten.softplus.default",
                      "(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor", Times<5>,
                      "self"));
  ops.push_back(
      Float("aten.log_sigmoid.default", "(Tensor self) -> Tensor", Times<4>, "self mask"));
  ops.push_back(Float("aten.log_sigmoid_forward.default",
                      "(Tensor self) -> (Tensor output, Tensor buffer)", Times<4>, "self mask"));
  ops.back().infer = InferLogSigmoidForward;

  ops.push_back(Float("aten.glu.default", "(Tensor self, int dim=-1) -> Tensor", Times<5>, "self"));
  ops.back().infer = InferGlu;
  ops.back().rules.push_back({"GLU_C1", "dim exists in self"});
  ops.back().rules.push_back({"GLU_C2", "dimension dim of self is even"});

  ops.push_back(Float("aten.prelu.default", "(Tensor self, Tensor weight) -> Tensor", Times<2>,
                      "self weight"));
  ops.back().infer = InferPrelu;
  ops.back().rules.push_back({"PRELU_C1", "weight has one element, or one per channel"});
  ops.back().rules.push_back({"PRELU_C2", "self and weight have one element type"});
  ops.push_back(Float("aten._prelu_kernel.default", "(Tensor self, Tensor weight) -> Tensor",
                      Times<2>, "self weight"));
  ops.back().infer = InferPreluKernel;
  ops.back().rules.push_back({"PRELU_C2", "self and weight have one element type"});
  ops.back().rules.push_back({"PRELU_C3", "weight broadcasts to self"});

  ops.push_back(Rrelu("aten.rrelu.default",
                      "(Tensor self, Scalar lower=0.125, Scalar upper=0.33333333333333331, bool "
                      "training=False, Generator? generator=None) -> Tensor",
                      InferRrelu));
  ops.push_back(Rrelu("aten.rrelu_with_noise.default",
                      "(Tensor self, Tensor(b!) noise, Scalar lower=0.125, Scalar "
                      "upper=0.33333333333333331, bool training=False, Generator? generator=None) "
                      "-> Tensor",
                      InferRreluWithNoise));
  ops.back().rules.push_back({"RRELU_C2", "noise has self's type"});
  ops.push_back(Rrelu("aten.rrelu_with_noise_functional.default",
                      "(Tensor self, Tensor noise, Scalar lower=0.125, Scalar "
                      "upper=0.33333333333333331, bool training=False, Generator? generator=None) "
                      "-> (Tensor, Tensor noise_out)",
                      InferRreluWithNoise));
  ops.back().rules.push_back({"RRELU_C2", "noise has self's type"});
}

}  // namespace graphkiln::ir::ops
