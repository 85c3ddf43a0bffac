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

  /// `loss` (mean over rows) and the job's metrics, each under `prefix` + name, over every row of
  /// `part`. `interrupted` is asked between batches; true ends with Cancelled.
  absl::Status Run(const Table& part, const std::string& prefix,
                   const std::function<bool()>& interrupted, std::map<std::string, double>* values);

  /// The sum over the rows of a batch whose loss is `loss`: the program's own where it reduces by
  /// `sum`, otherwise the mean that many times.
  double LossSum(double loss, int64_t rows) const {
    return loss_is_sum_ ? loss : loss * static_cast<double>(rows);
  }

 private:
  Evaluator(Executor& executor, int64_t batch, bool fixed_batch)
      : executor_(&executor), batch_(batch), fixed_batch_(fixed_batch) {}

  /// Runs the program on `rows` rows and passes the metrics the first `count` of them.
  absl::Status Forward(const Table& batch, int64_t count, std::vector<at::Tensor>* outputs,
                       double* loss_sum);
  /// A batch of fewer rows than the program insists on.
  absl::Status ForwardPadded(const Table& batch, std::vector<at::Tensor>* outputs,
                             double* loss_sum);

  Executor* executor_;
  int64_t batch_;
  bool fixed_batch_;  // the program takes batches of exactly `batch_` rows
  bool loss_is_sum_ = false;
  std::vector<std::pair<std::string, std::unique_ptr<Metric>>> metrics_;
};

}  // namespace graphkiln::trainer
