// Softmaxes and their logarithms.
#include "common/base/status.h"
#include "common/ir/ops/families.h"
#include "common/ir/type_context.h"

namespace graphkiln::ir::ops {
namespace {

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

// The kernels below softmax: half precision may be widened on the way.
absl::Status InferKernel(TypeContext& c) {
  const TensorType& self = c.tensor("self");
  if (c.Flag("half_to_float")) {
    if (self.dtype != v1::DATA_TYPE_FLOAT16) {
      return c.Fail("SOFTMAX_C3", "self", "only float16 is widened to float32", "float16",
                    TypeText(self), "DTYPE_MISMATCH");
    }
    RETURN_IF_ERROR(c.WrapDim("SOFTMAX_C1", "dim", c.Int("dim"), self.rank()).status());
    return c.Output(self.WithDType(v1::DATA_TYPE_FLOAT32));
  }
  return InferSoftmax(c);
}

Dim Flops(const TypeContext& c) { return c.output(0).Numel() * Dim(5); }

OpDef Softmax(std::string_view name, std::string_view schema) {
  return {.name = name,
          .schema = schema,
          .infer = InferSoftmax,
          .flops = Flops,
          .rules = {{"SOFTMAX_C1", "dim exists in self"},
                    {"SOFTMAX_C2", "the result is floating-point"}},
          .saved = "result"};
}

}  // namespace

void AddSoftmax(std::vector<OpDef>& ops) {
  for (const char* name :
       {"aten.softmax.int", "aten.log_softmax.int", "aten._safe_softmax.default"}) {
    ops.push_back(Softmax(name, "(Tensor self, int dim, ScalarType? dtype=None) -> Tensor"));
  }
  for (const char* name : {"aten._softmax.default", "aten._log_softmax.default"}) {
    ops.push_back(Softmax(name, "(Tensor self, int dim, bool half_to_float) -> Tensor"));
    ops.back().infer = InferKernel;
    ops.back().rules.push_back({"SOFTMAX_C3", "self is float16 where half_to_float is set"});
  }
}

}  // namespace graphkiln::ir::ops
