// A model's parameters and buffers on the device, under their state_dict keys.
//
// Owned by one job. Not thread-safe. Every tensor exists from Create on; initialising and loading
// write into it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/worker/trainer/optimizer.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

class Parameters {
 public:
  /// Tensors of the module's parameters, zero-filled. Trainable ones require gradients.
  static absl::StatusOr<Parameters> Create(const api::IrModule& module, c10::Device device);

  /// First values, equal to `kiln init` with this seed.
  absl::Status Initialise(uint64_t seed);
  /// All persistent ones from a safetensors file with exactly their keys, the others keep their
  /// values; or all of them from the model of a checkpoint.
  absl::Status Load(const std::string& path);
  /// The persistent ones, as Python's state_dict has them.
  absl::Status Save(const std::string& path,
                    const std::map<std::string, std::string>& metadata) const;

  /// In the program's order.
  const std::vector<at::Tensor>& tensors() const { return tensors_; }
  /// All, for checkpoints; persistent ones; those that the optimizer changes.
  std::vector<NamedTensor> All() const;
  std::vector<NamedTensor> Persistent() const;
  std::vector<NamedTensor> Trainable() const;
  int64_t trainable_elements() const;

 private:
  std::vector<api::IrParameter> specs_;
  std::vector<at::Tensor> tensors_;
};

}  // namespace graphkiln::trainer
