#include "clients/cli/weights.h"

#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/ir/initialize.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

constexpr int64_t kMaxTotalBytes = 64ll << 30;

std::optional<tensors::DType> StoredType(v1::DataType dtype) {
  switch (dtype) {
    case v1::DATA_TYPE_FLOAT32:
      return tensors::DType::kF32;
    case v1::DATA_TYPE_FLOAT64:
      return tensors::DType::kF64;
    case v1::DATA_TYPE_FLOAT16:
      return tensors::DType::kF16;
    case v1::DATA_TYPE_BFLOAT16:
      return tensors::DType::kBF16;
    case v1::DATA_TYPE_INT64:
      return tensors::DType::kI64;
    case v1::DATA_TYPE_INT32:
      return tensors::DType::kI32;
    case v1::DATA_TYPE_INT16:
      return tensors::DType::kI16;
    case v1::DATA_TYPE_INT8:
      return tensors::DType::kI8;
    case v1::DATA_TYPE_UINT8:
      return tensors::DType::kU8;
    case v1::DATA_TYPE_BOOL:
      return tensors::DType::kBool;
    default:
      return std::nullopt;
  }
}

absl::StatusOr<tensors::DType> NeededType(const v1::IrParameter& parameter) {
  if (const auto dtype = StoredType(parameter.spec().dtype())) return *dtype;
  return absl::InvalidArgumentError(
      fmt::format("{} has an element type that safetensors cannot hold", parameter.key()));
}

std::vector<int64_t> ShapeOf(const v1::IrParameter& parameter) {
  std::vector<int64_t> shape;
  for (const v1::Dim& dim : parameter.spec().shape()) shape.push_back(dim.size());
  return shape;
}

}  // namespace

absl::StatusOr<Weights> Weights::Initial(const v1::IrModule& module, uint64_t seed) {
  Weights weights;
  weights.storage_.reserve(static_cast<size_t>(module.parameters_size()));
  int64_t total = 0;
  for (const v1::IrParameter& parameter : module.parameters()) {
    if (!parameter.persistent()) continue;
    ASSIGN_OR_RETURN(const tensors::DType dtype, NeededType(parameter));
    ASSIGN_OR_RETURN(const int64_t bytes, ir::ParameterBytes(parameter));
    if (bytes > kMaxTotalBytes || (total += bytes) > kMaxTotalBytes) {
      return absl::ResourceExhaustedError("the weights are larger than 64 GiB");
    }
    std::string& values = weights.storage_.emplace_back(static_cast<size_t>(bytes), '\0');
    RETURN_IF_ERROR(
        Annotate(ir::FillInitial(parameter, seed, absl::Span<char>(values.data(), values.size())),
                 parameter.key()));
    weights.index_.emplace(parameter.key(), weights.tensors_.size());
    weights.tensors_.push_back({parameter.key(), {dtype, ShapeOf(parameter), values}});
  }
  return weights;
}

absl::StatusOr<Weights> Weights::Open(const std::string& path) {
  ASSIGN_OR_RETURN(tensors::SafetensorsFile file, tensors::SafetensorsFile::Open(path));
  Weights weights;
  for (const tensors::NamedTensor& tensor : file.tensors()) {
    weights.index_.emplace(tensor.name, weights.tensors_.size());
    weights.tensors_.push_back(tensor);
  }
  weights.files_.push_back(std::move(file));
  return weights;
}

const tensors::TensorView* Weights::Find(std::string_view key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &tensors_[found->second].tensor;
}

void Weights::Add(const Weights& other) {
  for (const tensors::NamedTensor& tensor : other.tensors_) {
    if (index_.emplace(tensor.name, tensors_.size()).second) tensors_.push_back(tensor);
  }
}

absl::Status Weights::Check(const v1::IrModule& module) const {
  for (const v1::IrParameter& parameter : module.parameters()) {
    if (!parameter.persistent()) continue;
    ASSIGN_OR_RETURN(const tensors::DType dtype, NeededType(parameter));
    const std::vector<int64_t> shape = ShapeOf(parameter);
    const tensors::TensorView* tensor = Find(parameter.key());
    if (tensor == nullptr) {
      return absl::InvalidArgumentError(
          fmt::format("the weights hold no {}", QuoteForMessage(parameter.key())));
    }
    if (tensor->dtype != dtype || tensor->shape != shape) {
      return absl::InvalidArgumentError(fmt::format(
          "{} is {}{} in the weights, {}{} in the graph", QuoteForMessage(parameter.key()),
          tensors::DTypeName(tensor->dtype), tensors::ShapeText(tensor->shape),
          tensors::DTypeName(dtype), tensors::ShapeText(shape)));
    }
  }
  return absl::OkStatus();
}

absl::Status Weights::Write(const std::string& path, const std::vector<std::string>& keys) const {
  std::vector<tensors::NamedTensor> chosen;
  for (const std::string& key : keys) {
    const auto found = index_.find(key);
    if (found == index_.end()) return absl::InternalError(fmt::format("no weight {}", key));
    chosen.push_back(tensors_[found->second]);
  }
  return tensors::WriteSafetensors(path, chosen, {});
}

std::vector<std::string> StateKeys(const v1::IrModule& module) {
  std::vector<std::string> keys;
  for (const v1::IrParameter& parameter : module.parameters()) {
    if (parameter.persistent()) keys.push_back(parameter.key());
  }
  return keys;
}

}  // namespace graphkiln::cli
