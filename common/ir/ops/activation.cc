// Activations, softmaxes, dropout.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"
#include "fmt/format.h"

namespace graphkiln::ir::ops {
namespace {

absl::Status InferFloatUnary(TypeContext& c) {
  // sigmoid and tanh of whole numbers are float32, as in PyTorch.
  const TensorType& self = c.tensor("self");
  return c.Output(IsFloating(self.dtype) ? self : self.WithDType(v1::DATA_TYPE_FLOAT32));
}

absl::Status InferFloatOnly(TypeContext& c) {
  RETURN_IF_ERROR(c.Floating("ACTIVATION_C1", "self"));
  return c.OutputLike("self");
}

absl::Status InferRelu(TypeContext& c) {
  if (c.tensor("self").dtype == v1::DATA_TYPE_BOOL) {
    return c.Fail("RELU_C1", "self", "truth values have no ReLU", "a number", "bool",
                  "DTYPE_MISMATCH");
  }
  return c.OutputLike("self");
}

absl::Status InferSoftmax(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  RETURN_IF_ERROR(c.WrapDim("SOFTMAX_C1", "dim", c.Int("dim"), self.rank()).status());
  TensorType out = self;
  if (const auto dtype = c.DType("dtype")) out.dtype = *dtype;
  if (!IsFloating(out.dtype)) {
    return c.Fail("SOFTMAX_C2", "self", "softmax needs a floating-point tensor",
                  "a floating-point tensor", TypeText(self), "DTYPE_MISMATCH");
  }
  return c.Output(std::move(out));
}

Dim Times(const TypeContext& c, int64_t per_element) {
  return c.output(0).Numel() * Dim(per_element);
}

absl::Status InferDropout(TypeContext& c) {
  const double p = c.Float("p");
  if (!(p >= 0 && p <= 1)) {
    return c.Fail("DROPOUT_C1", "p", "a probability is between 0 and 1", "0 to 1",
                  fmt::format("{}", p), "PARAM_RANGE");
  }
  return c.OutputLike("input");
}

}  // namespace

void AddActivation(std::vector<OpDef>& ops) {
  ops.push_back({.name = "aten.relu.default",
                 .schema = "(Tensor self) -> Tensor",
                 .infer = InferRelu,
                 .rules = {{"RELU_C1", "self is no tensor of truth values"}},
                 .saved = "result"});
  ops.push_back({.name = "aten.gelu.default",
                 .schema = "(Tensor self, *, str approximate=\"none\") -> Tensor",
                 .infer = InferFloatOnly,
                 .flops = [](const TypeContext& c) { return Times(c, 8); },
                 .rules = {{"ACTIVATION_C1", "self is floating-point"}},
                 .saved = "self"});
  ops.push_back({.name = "aten.sigmoid.default",
                 .schema = "(Tensor self) -> Tensor",
                 .infer = InferFloatUnary,
                 .flops = [](const TypeContext& c) { return Times(c, 4); },
                 .saved = "result"});
  ops.push_back({.name = "aten.tanh.default",
                 .schema = "(Tensor self) -> Tensor",
                 .infer = InferFloatUnary,
                 .flops = [](const TypeContext& c) { return Times(c, 5); },
                 .saved = "result"});
  ops.push_back({.name = "aten.softmax.int",
                 .schema = "(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
                 .infer = InferSoftmax,
                 .flops = [](const TypeContext& c) { return Times(c, 5); },
                 .rules = {{"SOFTMAX_C1", "dim exists in self"},
                           {"SOFTMAX_C2", "the result is floating-point"}},
                 .saved = "result"});
  ops.push_back({.name = "aten.log_softmax.int",
                 .schema = "(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
                 .infer = InferSoftmax,
                 .flops = [](const TypeContext& c) { return Times(c, 5); },
                 .rules = {{"SOFTMAX_C1", "dim exists in self"},
                           {"SOFTMAX_C2", "the result is floating-point"}},
                 .saved = "result"});
  ops.push_back({.name = "aten.dropout.default",
                 .schema = "(Tensor input, float p, bool train) -> Tensor",
                 .infer = InferDropout,
                 .flops = [](const TypeContext& c) { return Times(c, 2); },
                 .rules = {{"DROPOUT_C1", "p is between 0 and 1"}},
                 .random = true,
                 .saved = "mask"});
}

}  // namespace graphkiln::ir::ops
