#include "services/worker/trainer/parameters.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/ir/initialize.h"
#include "services/worker/trainer/checkpoint.h"
#include "services/worker/trainer/dtype.h"
#include "services/worker/trainer/failure.h"
#include "services/worker/trainer/tensor_file.h"
#include "services/worker/trainer/torch_guard.h"

namespace graphkiln::trainer {

absl::StatusOr<Parameters> Parameters::Create(const api::IrModule& module, c10::Device device) {
  Parameters result;
  for (const api::IrParameter& spec : module.parameters()) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> shape, FixedShape(spec.spec()));
    ASSIGN_OR_RETURN(const at::ScalarType type, ToScalarType(spec.spec().dtype()));
    at::Tensor tensor;
    RETURN_IF_ERROR(
        CatchTorch([&] { return fmt::format("parameter {}", QuoteForMessage(spec.key())); },
                   [&] {
                     tensor = at::zeros(shape, at::TensorOptions().dtype(type).device(device));
                     if (spec.trainable() && !spec.buffer()) tensor.requires_grad_(true);
                   }));
    result.specs_.push_back(spec);
    result.tensors_.push_back(std::move(tensor));
  }
  return result;
}

absl::Status Parameters::Initialise(uint64_t seed) {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < specs_.size(); ++i) {
    at::Tensor& tensor = tensors_[i];
    at::Tensor host = tensor.is_cpu() ? tensor.detach() : at::empty_like(tensor, at::kCPU);
    const absl::Span<char> bytes(static_cast<char*>(host.mutable_data_ptr()), host.nbytes());
    RETURN_IF_ERROR(InputFault(reason::kIrInvalid, ir::FillInitial(specs_[i], seed, bytes)));
    if (!tensor.is_cpu()) tensor.copy_(host);
  }
  return absl::OkStatus();
}

absl::Status Parameters::Load(const std::string& path) {
  const absl::StatusOr<tensors::SafetensorsFile> file = tensors::SafetensorsFile::Open(path);
  if (!file.ok()) return InputFault(reason::kWeightsInvalid, file.status());
  // Of a checkpoint (`weights: job:NAME`) the model is taken and the rest of the run left.
  const absl::Status filled = file->metadata().contains(kCheckpointMetadata)
                                  ? FillStrictly(*file, kCheckpointModel, All())
                                  : FillStrictly(*file, "", Persistent());
  return InputFault(reason::kWeightsInvalid, filled);
}

absl::Status Parameters::Save(const std::string& path,
                              const std::map<std::string, std::string>& metadata) const {
  return FileFault(WriteTensorFile(path, Persistent(), metadata));
}

std::vector<NamedTensor> Parameters::All() const {
  std::vector<NamedTensor> all;
  for (size_t i = 0; i < specs_.size(); ++i) all.push_back({specs_[i].key(), tensors_[i]});
  return all;
}

std::vector<NamedTensor> Parameters::Persistent() const {
  std::vector<NamedTensor> some;
  for (size_t i = 0; i < specs_.size(); ++i) {
    if (specs_[i].persistent()) some.push_back({specs_[i].key(), tensors_[i]});
  }
  return some;
}

std::vector<NamedTensor> Parameters::Trainable() const {
  std::vector<NamedTensor> some;
  for (size_t i = 0; i < specs_.size(); ++i) {
    if (tensors_[i].requires_grad()) some.push_back({specs_[i].key(), tensors_[i]});
  }
  return some;
}

int64_t Parameters::trainable_elements() const {
  int64_t count = 0;
  for (const NamedTensor& parameter : Trainable()) count += parameter.tensor.numel();
  return count;
}

}  // namespace graphkiln::trainer
