// Optimizers by torch.optim's names on ATen's fused kernels. A step equals torch.optim's.
//
// Owned by the training loop. Not thread-safe. Step may throw LibTorch's exceptions; the loop wraps
// it.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

class Optimizer {
 public:
  /// `parameters`: the trainable ones under their state_dict keys.
  static absl::StatusOr<std::unique_ptr<Optimizer>> Create(const api::Component& component,
                                                           std::vector<NamedTensor> parameters);
  virtual ~Optimizer() = default;

  /// Applies the gradients that are there; parameters without one stay as they are.
  void Step(double rate);
  /// Forgets all gradients, so that the next backward stores instead of adding.
  void ClearGradients();
  /// The rate that the job gave.
  double base_rate() const { return base_rate_; }

  /// All that a resumed run needs, as `<key>.<name>` and `step`. The tensors are the optimizer's
  /// own: writing into them restores it.
  std::vector<NamedTensor> State() const;
  /// Steps taken so far; kept in a tensor, as ATen's kernels want it.
  int64_t steps() const;

 protected:
  // Parameters that have a gradient now, beside it and their state.
  struct Lists {
    std::vector<at::Tensor> parameters;
    std::vector<at::Tensor> gradients;
    std::vector<std::vector<at::Tensor>> state;  // one list per name in state_names
    std::vector<at::Tensor> steps;
  };

  Optimizer(std::vector<NamedTensor> parameters, std::vector<std::string> state_names,
            double base_rate);
  virtual void Apply(const Lists& lists, double rate) = 0;

 private:
  void Collect();

  std::vector<NamedTensor> parameters_;
  std::vector<std::string> state_names_;
  std::vector<std::vector<at::Tensor>> state_;  // [name][parameter]
  at::Tensor step_;
  double base_rate_;
  Lists lists_;
};

}  // namespace graphkiln::trainer
