// Element types and fixed shapes between the protos and ATen. Pure functions; any thread.
#pragma once

#include <ATen/core/TensorBase.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

/// Unspecified is float32, as in the protos.
absl::StatusOr<at::ScalarType> ToScalarType(api::DataType dtype);
/// Unspecified where GraphKiln has no such type.
api::DataType FromScalarType(at::ScalarType type);

/// Sizes of a spec without symbols.
absl::StatusOr<std::vector<int64_t>> FixedShape(const api::TensorSpec& spec);
api::TensorSpec SpecOf(const at::TensorBase& tensor);

}  // namespace graphkiln::trainer
