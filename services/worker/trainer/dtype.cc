#include "services/worker/trainer/dtype.h"

#include <fmt/format.h>

#include "services/worker/trainer/failure.h"

namespace graphkiln::trainer {
namespace {

struct Row {
  api::DataType dtype;
  at::ScalarType scalar_type;
};

constexpr Row kTable[] = {
    {api::DATA_TYPE_FLOAT32, at::kFloat},
    {api::DATA_TYPE_FLOAT64, at::kDouble},
    {api::DATA_TYPE_FLOAT16, at::kHalf},
    {api::DATA_TYPE_BFLOAT16, at::kBFloat16},
    {api::DATA_TYPE_INT64, at::kLong},
    {api::DATA_TYPE_INT32, at::kInt},
    {api::DATA_TYPE_INT16, at::kShort},
    {api::DATA_TYPE_INT8, at::kChar},
    {api::DATA_TYPE_UINT8, at::kByte},
    {api::DATA_TYPE_BOOL, at::kBool},
    {api::DATA_TYPE_COMPLEX64, at::kComplexFloat},
    {api::DATA_TYPE_COMPLEX128, at::kComplexDouble},
};

}  // namespace

absl::StatusOr<at::ScalarType> ToScalarType(api::DataType dtype) {
  if (dtype == api::DATA_TYPE_UNSPECIFIED) return at::kFloat;
  for (const Row& row : kTable) {
    if (row.dtype == dtype) return row.scalar_type;
  }
  return UserFault(reason::kIrInvalid,
                   fmt::format("element type {} is unknown", static_cast<int>(dtype)));
}

api::DataType FromScalarType(at::ScalarType type) {
  for (const Row& row : kTable) {
    if (row.scalar_type == type) return row.dtype;
  }
  return api::DATA_TYPE_UNSPECIFIED;
}

absl::StatusOr<std::vector<int64_t>> FixedShape(const api::TensorSpec& spec) {
  std::vector<int64_t> shape;
  for (const api::Dim& dim : spec.shape()) {
    if (dim.kind_case() != api::Dim::kSize || dim.size() < 0) {
      return UserFault(reason::kIrInvalid, "a size is not a fixed number");
    }
    shape.push_back(dim.size());
  }
  return shape;
}

api::TensorSpec SpecOf(const at::TensorBase& tensor) {
  api::TensorSpec spec;
  spec.set_dtype(FromScalarType(tensor.scalar_type()));
  for (const int64_t size : tensor.sizes()) spec.add_shape()->set_size(size);
  return spec;
}

}  // namespace graphkiln::trainer
