#include "common/ir/initialize.h"

#include <cstring>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/ir/types.h"
#include "fmt/format.h"

namespace graphkiln::ir {
namespace {

double Draw(const v1::IrInitializer& init, int64_t index, Philox& random) {
  switch (init.kind()) {
    case v1::IrInitializer::KIND_UNIFORM:
      return init.low() + (init.high() - init.low()) * random.NextDouble();
    case v1::IrInitializer::KIND_NORMAL:
      return init.mean() + init.std() * random.NextNormal();
    case v1::IrInitializer::KIND_ARANGE:
      return static_cast<double>(index);
    case v1::IrInitializer::KIND_VALUES:
      return init.values(static_cast<int>(index));
    default:
      return init.value();
  }
}

template <class T>
void Fill(const v1::IrInitializer& init, int64_t count, Philox& random, char* out) {
  for (int64_t i = 0; i < count; ++i) {
    const T value = static_cast<T>(Draw(init, i, random));
    std::memcpy(out + i * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
  }
}

absl::StatusOr<int64_t> Count(const v1::IrParameter& parameter) {
  int64_t count = 1;
  for (const v1::Dim& dim : parameter.spec().shape()) {
    if (dim.kind_case() != v1::Dim::kSize || dim.size() < 0) {
      return absl::InvalidArgumentError(
          fmt::format("parameter {} has no fixed size", parameter.key()));
    }
    if (dim.size() > 0 && count > (int64_t{1} << 50) / dim.size()) {
      return absl::ResourceExhaustedError(
          fmt::format("parameter {} is too large", parameter.key()));
    }
    count *= dim.size();
  }
  return count;
}

}  // namespace

absl::StatusOr<int64_t> ParameterBytes(const v1::IrParameter& parameter) {
  ASSIGN_OR_RETURN(const int64_t count, Count(parameter));
  return count * DTypeBytes(parameter.spec().dtype());
}

absl::Status FillInitial(const v1::IrParameter& parameter, uint64_t seed, absl::Span<char> out) {
  ASSIGN_OR_RETURN(const int64_t count, Count(parameter));
  const DataType dtype = parameter.spec().dtype();
  if (static_cast<int64_t>(out.size()) != count * DTypeBytes(dtype)) {
    return absl::InvalidArgumentError(
        fmt::format("parameter {}: wrong buffer size", parameter.key()));
  }
  const v1::IrInitializer& init = parameter.init();
  if (init.kind() == v1::IrInitializer::KIND_VALUES && init.values_size() != count) {
    return absl::InvalidArgumentError(
        fmt::format("parameter {}: {} elements, but {} initial values", parameter.key(), count,
                    init.values_size()));
  }
  Philox random(seed, "init/" + parameter.key());
  switch (dtype) {
    case v1::DATA_TYPE_FLOAT32:
      Fill<float>(init, count, random, out.data());
      break;
    case v1::DATA_TYPE_FLOAT64:
      Fill<double>(init, count, random, out.data());
      break;
    case v1::DATA_TYPE_INT64:
      Fill<int64_t>(init, count, random, out.data());
      break;
    default:
      return absl::UnimplementedError(
          fmt::format("parameter {}: no initial values for {}", parameter.key(), DTypeName(dtype)));
  }
  if (init.has_zero_row() && parameter.spec().shape_size() == 2) {
    const int64_t rows = parameter.spec().shape(0).size();
    const int64_t row_bytes = parameter.spec().shape(1).size() * DTypeBytes(dtype);
    if (init.zero_row() >= 0 && init.zero_row() < rows) {
      std::memset(out.data() + init.zero_row() * row_bytes, 0, static_cast<size_t>(row_bytes));
    }
  }
  return absl::OkStatus();
}

}  // namespace graphkiln::ir
