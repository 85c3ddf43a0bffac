#include "services/worker/trainer/evaluator.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/base/status.h"
#include "services/worker/trainer/torch_guard.h"

namespace graphkiln::trainer {

absl::StatusOr<Evaluator> Evaluator::Create(const api::JobSpec& job, at::ScalarType target_dtype,
                                            Executor& executor, int64_t batch, bool fixed_batch) {
  Evaluator evaluator(executor, batch, fixed_batch);
  const auto reduction = job.loss().params().find("reduction");
  evaluator.loss_is_sum_ =
      reduction != job.loss().params().end() && reduction->second.string_value() == "sum";
  for (const std::string& name : job.metrics()) {
    ASSIGN_OR_RETURN(std::unique_ptr<Metric> metric, Metric::Create(name, target_dtype));
    evaluator.metrics_.emplace_back(name, std::move(metric));
  }
  return evaluator;
}

absl::Status Evaluator::Forward(const Table& batch, int64_t count, std::vector<at::Tensor>* outputs,
                                double* loss_sum) {
  RETURN_IF_ERROR(executor_->Run(batch.ProgramInputs(), /*training=*/false, outputs));
  return CatchTorch([] { return std::string("evaluation"); },
                    [&] {
                      *loss_sum = LossSum(outputs->back().item<double>(), batch.rows);
                      if (count == 0) return;
                      const at::Tensor scores = outputs->front().narrow(0, 0, count);
                      const at::Tensor target = batch.target.narrow(0, 0, count);
                      for (auto& [name, metric] : metrics_) metric->Update(scores, target);
                    });
}

// The last row fills the batch up; a second batch of nothing else tells what it adds to the loss.
absl::Status Evaluator::ForwardPadded(const Table& batch, std::vector<at::Tensor>* outputs,
                                      double* loss_sum) {
  std::vector<int64_t> numbers(static_cast<size_t>(batch_), batch.rows - 1);
  Table last;
  Table padded;
  RETURN_IF_ERROR(CatchTorch([] { return std::string("filling the last batch"); },
                             [&] {
                               last = batch.Select(numbers);
                               std::iota(numbers.begin(), numbers.begin() + batch.rows, 0);
                               padded = batch.Select(numbers);
                             }));
  double of_last = 0;
  RETURN_IF_ERROR(Forward(last, 0, outputs, &of_last));
  RETURN_IF_ERROR(Forward(padded, batch.rows, outputs, loss_sum));
  *loss_sum -= of_last * static_cast<double>(batch_ - batch.rows) / static_cast<double>(batch_);
  return absl::OkStatus();
}

absl::Status Evaluator::Run(const Table& part, const std::string& prefix,
                            const std::function<bool()>& interrupted,
                            std::map<std::string, double>* values) {
  const at::NoGradGuard no_grad;
  for (auto& [name, metric] : metrics_) metric->Reset();
  double loss_sum = 0;
  int64_t rows = 0;
  std::vector<at::Tensor> outputs;
  for (int64_t begin = 0; begin < part.rows; begin += batch_) {
    if (interrupted()) return absl::CancelledError("CANCELLED: cancelled");
    const int64_t count = std::min(batch_, part.rows - begin);
    const Table batch = part.Slice(begin, count);
    double sum = 0;
    RETURN_IF_ERROR(fixed_batch_ && count < batch_ ? ForwardPadded(batch, &outputs, &sum)
                                                   : Forward(batch, count, &outputs, &sum));
    loss_sum += sum;
    rows += count;
  }
  if (rows == 0) return absl::OkStatus();
  (*values)[prefix + "loss"] = loss_sum / static_cast<double>(rows);
  return CatchTorch([] { return std::string("metrics"); },
                    [&] {
                      for (auto& [name, metric] : metrics_)
                        (*values)[prefix + name] = metric->Compute();
                    });
}

}  // namespace graphkiln::trainer
