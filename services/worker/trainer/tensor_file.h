// Between ATen's tensors and safetensors files (common/tensors). Any thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/tensors/safetensors.h"
#include "services/worker/trainer/optimizer.h"

namespace graphkiln::trainer {

/// Writes the file so that it appears only when complete and durable.
absl::Status WriteTensorFile(const std::string& path, absl::Span<const NamedTensor> tensors,
                             const std::map<std::string, std::string>& metadata);

/// A tensor of its own memory on the CPU.
absl::StatusOr<at::Tensor> CopyTensor(const tensors::TensorView& view);

/// Fills the wanted tensors in place from the file's tensors under `prefix` + name. Strict: every
/// wanted one must be there with its type and shape, and nothing else under the prefix. The error
/// names up to three offending keys of each kind; nothing was written then.
absl::Status FillStrictly(const tensors::SafetensorsFile& file, const std::string& prefix,
                          absl::Span<const NamedTensor> wanted);

}  // namespace graphkiln::trainer
