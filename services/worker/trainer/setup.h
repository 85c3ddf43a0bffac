// Everything that a training or smoke run works with, made from StartTraining before the first
// step.
//
// Made once per trainer process; not movable, because the executor points into it. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/worker/trainer/batches.h"
#include "services/worker/trainer/evaluator.h"
#include "services/worker/trainer/executor.h"
#include "services/worker/trainer/normalizer.h"
#include "services/worker/trainer/optimizer.h"
#include "services/worker/trainer/parameters.h"
#include "services/worker/trainer/plan.h"
#include "services/worker/trainer/progress.h"
#include "services/worker/trainer/protos.h"
#include "services/worker/trainer/schedule.h"
#include "services/worker/trainer/table.h"

namespace graphkiln::trainer {

class Setup {
 public:
  /// Reads data and weights, restores the checkpoint. `start` must outlive the result. Cancelled
  /// when `interrupted`, which is asked all the time, says so; it may be empty.
  static absl::StatusOr<std::unique_ptr<Setup>> Create(const v1::StartTraining& start,
                                                       c10::Device device,
                                                       const Interrupted& interrupted);
  Setup(const Setup&) = delete;
  Setup& operator=(const Setup&) = delete;

  /// One optimizer step on a batch. NUMERICS where the loss is not finite: the parameters are then
  /// as before. `step` is for messages.
  absl::StatusOr<double> TrainStep(const Table& batch, double rate, int64_t step);

  const api::JobSpec& job() const { return start_.job(); }
  const v1::StartTraining& start() const { return start_; }
  const Parameters& parameters() const { return parameters_; }
  Optimizer& optimizer() { return *optimizer_; }
  const Schedule& schedule() const { return *schedule_; }
  Batches& batches() { return *batches_; }
  Evaluator& evaluator() { return *evaluator_; }
  const Normalizer& normalizer() const { return normalizer_; }
  const Table& validation() const { return validation_; }
  const Table& test() const { return test_; }
  int64_t train_rows() const { return train_rows_; }
  const std::vector<std::string>& class_names() const { return class_names_; }
  /// Where the run begins: zero, or as the checkpoint says.
  const Progress& progress() const { return progress_; }

 private:
  explicit Setup(const v1::StartTraining& start) : start_(start) {}

  absl::Status MakeModel(c10::Device device);
  absl::Status MakeData(c10::Device device, const Interrupted& interrupted);
  absl::StatusOr<TableRequest> MakeRequest() const;

  const v1::StartTraining& start_;
  Plan plan_;
  std::unique_ptr<Executor> executor_;
  Parameters parameters_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Schedule> schedule_;
  Progress progress_;
  Normalizer normalizer_;
  std::unique_ptr<Batches> batches_;
  std::unique_ptr<Evaluator> evaluator_;
  Table validation_;
  Table test_;
  int64_t train_rows_ = 0;
  std::vector<std::string> class_names_;
  std::vector<at::Tensor> outputs_;  // of the last step; kept for its capacity
};

}  // namespace graphkiln::trainer
