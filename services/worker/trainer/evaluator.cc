#include "services/worker/trainer/evaluator.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "services/worker/trainer/torch_guard.h"

namespace graphkiln::trainer {

absl::StatusOr<Evaluator> Evaluator::Create(const api::JobSpec& job, at::ScalarType target_dtype,
                                            Executor& executor, int64_t batch, bool fixed_batch) {
  Evaluator evaluator(executor, batch, fixed_batch);
  for (const std::string& name : job.metrics()) {
    ASSIGN_OR_RETURN(std::unique_ptr<Metric> metric, Metric::Create(name, target_dtype));
    evaluator.metrics_.emplace_back(name, std::move(metric));
  }
  return evaluator;
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
    if (fixed_batch_ && count < batch_) break;
    const Table batch = part.Slice(begin, count);
    RETURN_IF_ERROR(executor_->Run(batch.ProgramInputs(), /*training=*/false, &outputs));
    RETURN_IF_ERROR(CatchTorch([] { return std::string("evaluation"); },
                               [&] {
                                 loss_sum +=
                                     outputs.back().item<double>() * static_cast<double>(count);
                                 for (auto& [name, metric] : metrics_)
                                   metric->Update(outputs.front(), batch.target);
                               }));
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
