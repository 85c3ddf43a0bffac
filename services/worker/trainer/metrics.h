// Metrics by name, gathered batch by batch in double precision. Used by Evaluator. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace graphkiln::trainer {

class Metric {
 public:
  /// `accuracy` (class indices), `mse`, `mae`, `r2` (real targets). Unknown names and targets of
  /// the wrong kind are the job's fault.
  static absl::StatusOr<std::unique_ptr<Metric>> Create(std::string_view name,
                                                        at::ScalarType target_dtype);
  virtual ~Metric() = default;

  /// `output`: the model's first output; `target` beside it. May throw LibTorch's exceptions.
  virtual void Update(const at::Tensor& output, const at::Tensor& target) = 0;
  /// Over all batches since the last Reset; NaN where there was none.
  virtual double Compute() const = 0;
  virtual void Reset() = 0;
};

}  // namespace graphkiln::trainer
