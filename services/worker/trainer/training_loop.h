// The training run: epochs of steps, evaluation, checkpoints, and obedience to the daemon's wishes
// within one step.
//
//   Setup -> TrainingLoop::Run -> Finished
//
// Everything the loop knows of its place is in Progress, so a run restored from a checkpoint
// continues bit by bit as the uninterrupted one would (CPU). Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "services/worker/trainer/channel.h"
#include "services/worker/trainer/progress.h"
#include "services/worker/trainer/setup.h"

namespace graphkiln::trainer {

class TrainingLoop {
 public:
  /// All must outlive the loop.
  TrainingLoop(Setup& setup, Channel& channel, Clock& clock);

  /// Trains, evaluates, writes the results. The status decides the outcome; `finished` has outcome,
  /// metrics, files and figures, whatever the status is.
  absl::Status Run(v1::Finished* finished);

 private:
  enum class End { kDone, kReleased };

  absl::StatusOr<End> Train();
  absl::Status Step(double rate);
  absl::Status FinishEpoch();
  absl::Status Evaluate(const Table& part, const std::string& prefix,
                        std::map<std::string, double>* values);
  absl::Status WriteCheckpoint(bool best, bool required);
  bool IsBest();
  bool LimitReached() const;
  int64_t TotalSteps() const;
  int64_t TotalEpochs() const;
  double SecondsSoFar() const;
  double StepsPerSecond() const;
  void ReportSystem();

  Setup& setup_;
  Channel& channel_;
  Clock& clock_;
  const api::JobSpec& job_;
  Progress progress_;
  const int64_t first_step_;
  const double seconds_before_;
  const absl::Duration start_;
  absl::Duration stepping_ = absl::ZeroDuration();  // inside Step, without the first
  absl::Duration last_report_ = absl::ZeroDuration();
  double last_cpu_seconds_ = 0;
  int64_t validated_step_ = -1;
  int64_t checkpoint_number_ = 0;
  bool stopped_early_ = false;
};

}  // namespace graphkiln::trainer
