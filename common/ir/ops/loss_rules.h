// What losses have in common. Used by the loss*.cc files.
#pragma once

#include <utility>

#include "common/ir/op_def.h"
#include "common/ir/type_context.h"

namespace graphkiln::ir::ops {

// The type of a loss whose elements have `element_wise`: itself, or a scalar after a mean or sum
// (`reduction` is at::Reduction: 0 none, 1 mean, 2 sum).
inline absl::Status Reduced(TypeContext& c, TensorType element_wise) {
  if (c.Int("reduction") != 0) element_wise.shape.clear();
  return c.Output(std::move(element_wise));
}

// Whole numbers of int64; `expected` completes the message.
inline absl::Status ClassIndices(TypeContext& c, std::string_view rule, std::string_view arg) {
  const TensorType& type = c.tensor(arg);
  if (type.dtype == v1::DATA_TYPE_INT64) return absl::OkStatus();
  return c.Fail(rule, arg, "class indices are int64", TypeText(type.WithDType(v1::DATA_TYPE_INT64)),
                TypeText(type), "DTYPE_MISMATCH");
}

template <int64_t kPerElement>
Dim PerPrediction(const TypeContext& c) {
  // The first argument of every loss is the prediction.
  return c.tensor(c.op().args[0].name).Numel() * Dim(kPerElement);
}

}  // namespace graphkiln::ir::ops
