#include "services/worker/trainer/tensor_file.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace graphkiln::trainer {
namespace {

struct Row {
  tensors::DType dtype;
  at::ScalarType scalar_type;
};

constexpr Row kTable[] = {
    {tensors::DType::kF64, at::kDouble}, {tensors::DType::kF32, at::kFloat},
    {tensors::DType::kF16, at::kHalf},   {tensors::DType::kBF16, at::kBFloat16},
    {tensors::DType::kI64, at::kLong},   {tensors::DType::kI32, at::kInt},
    {tensors::DType::kI16, at::kShort},  {tensors::DType::kI8, at::kChar},
    {tensors::DType::kU8, at::kByte},    {tensors::DType::kBool, at::kBool},
};

std::optional<tensors::DType> ToFileType(at::ScalarType type) {
  for (const Row& row : kTable) {
    if (row.scalar_type == type) return row.dtype;
  }
  return std::nullopt;
}

at::ScalarType ToTorchType(tensors::DType dtype) {
  for (const Row& row : kTable) {
    if (row.dtype == dtype) return row.scalar_type;
  }
  return at::kFloat;
}

std::string Keys(const std::vector<std::string>& keys) {
  constexpr size_t kShown = 3;
  std::vector<std::string> shown;
  for (size_t i = 0; i < keys.size() && i < kShown; ++i) shown.push_back(QuoteForMessage(keys[i]));
  const std::string more =
      keys.size() > kShown ? fmt::format(" and {} more", keys.size() - kShown) : "";
  return fmt::format("{}{}", fmt::join(shown, ", "), more);
}

}  // namespace

absl::Status WriteTensorFile(const std::string& path, absl::Span<const NamedTensor> tensors,
                             const std::map<std::string, std::string>& metadata) {
  std::vector<at::Tensor> kept;  // the bytes that the views below point into
  std::vector<tensors::NamedTensor> views;
  kept.reserve(tensors.size());
  for (const NamedTensor& item : tensors) {
    const std::optional<tensors::DType> dtype = ToFileType(item.tensor.scalar_type());
    if (!dtype.has_value()) {
      return absl::UnimplementedError(fmt::format("tensor {}: safetensors has no type {}",
                                                  QuoteForMessage(item.name),
                                                  c10::toString(item.tensor.scalar_type())));
    }
    kept.push_back(item.tensor.detach().to(at::kCPU).contiguous());
    const at::Tensor& tensor = kept.back();
    views.push_back({item.name,
                     {*dtype,
                      tensor.sizes().vec(),
                      {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()}}});
  }
  return tensors::WriteSafetensors(path, views, metadata);
}

absl::StatusOr<at::Tensor> CopyTensor(const tensors::TensorView& view) {
  at::Tensor tensor = at::empty(view.shape, ToTorchType(view.dtype));
  if (tensor.nbytes() != view.bytes.size()) {
    return absl::InvalidArgumentError("a tensor's bytes do not fit its shape");
  }
  if (!view.bytes.empty()) {
    std::memcpy(tensor.mutable_data_ptr(), view.bytes.data(), view.bytes.size());
  }
  return tensor;
}

absl::Status FillStrictly(const tensors::SafetensorsFile& file, const std::string& prefix,
                          absl::Span<const NamedTensor> wanted) {
  std::vector<std::string> missing;
  std::vector<std::string> different;
  std::vector<std::string> unexpected;
  StringSet names;
  for (const NamedTensor& item : wanted) {
    names.insert(prefix + item.name);
    const tensors::TensorView* view = file.Find(prefix + item.name);
    if (view == nullptr) {
      missing.push_back(item.name);
    } else if (view->shape != item.tensor.sizes().vec() ||
               ToTorchType(view->dtype) != item.tensor.scalar_type()) {
      different.push_back(fmt::format(
          "{} ({}{} wanted, {}{} found)", item.name, c10::toString(item.tensor.scalar_type()),
          tensors::ShapeText(item.tensor.sizes().vec()), c10::toString(ToTorchType(view->dtype)),
          tensors::ShapeText(view->shape)));
    }
  }
  for (const tensors::NamedTensor& item : file.tensors()) {
    if (item.name.rfind(prefix, 0) == 0 && !names.contains(item.name)) {
      unexpected.push_back(item.name.substr(prefix.size()));
    }
  }
  std::vector<std::string> problems;
  if (!missing.empty()) problems.push_back("missing: " + Keys(missing));
  if (!unexpected.empty()) problems.push_back("unexpected: " + Keys(unexpected));
  if (!different.empty()) problems.push_back("of another type or shape: " + Keys(different));
  if (!problems.empty()) {
    return absl::InvalidArgumentError(
        fmt::format("the file's tensors do not fit; {}", fmt::join(problems, "; ")));
  }
  const at::NoGradGuard no_grad;
  for (const NamedTensor& item : wanted) {
    ASSIGN_OR_RETURN(const at::Tensor tensor, CopyTensor(*file.Find(prefix + item.name)));
    at::Tensor target = item.tensor;
    target.copy_(tensor);
  }
  return absl::OkStatus();
}

}  // namespace graphkiln::trainer
