// Loss and metrics of a part of the data, in evaluation mode, without gradients. Used by the
// training loop between epochs and at the end. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/worker/trainer/executor.h"
#include "services/worker/trainer/metrics.h"
#include "services/worker/trainer/protos.h"
#include "services/worker/trainer/table.h"

namespace graphkiln::trainer {

class Evaluator {
 public:
  /// `executor` runs the program with the loss as last output and must outlive this.
  static absl::StatusOr<Evaluator> Create(const api::JobSpec& job, at::ScalarType target_dtype,
                                          Executor& executor, int64_t batch, bool fixed_batch);

  /// `loss` (mean over rows) and the job's metrics, each under `prefix` + name. `interrupted` is
  /// asked between batches; true ends with Cancelled.
  absl::Status Run(const Table& part, const std::string& prefix,
                   const std::function<bool()>& interrupted, std::map<std::string, double>* values);

 private:
  Evaluator(Executor& executor, int64_t batch, bool fixed_batch)
      : executor_(&executor), batch_(batch), fixed_batch_(fixed_batch) {}

  Executor* executor_;
  int64_t batch_;
  bool fixed_batch_;  // a last smaller batch does not fit the program and is left out
  std::vector<std::pair<std::string, std::unique_ptr<Metric>>> metrics_;
};

}  // namespace graphkiln::trainer
