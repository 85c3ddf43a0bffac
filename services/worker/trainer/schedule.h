// Learning-rate schedules by torch.optim.lr_scheduler's names, in closed form: the rate of any
// epoch at once, so a resumed run needs no state. They advance once per training epoch. Immutable;
// any thread.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

class Schedule {
 public:
  /// An unset component is a constant rate.
  static absl::StatusOr<Schedule> Create(const api::Component& component, double base_rate);

  /// Rate during the training epoch `epoch`, from 1.
  double RateAt(int64_t epoch) const { return rate_(epoch - 1); }

 private:
  explicit Schedule(std::function<double(int64_t)> rate) : rate_(std::move(rate)) {}

  std::function<double(int64_t)> rate_;  // of the number of completed epochs
};

}  // namespace graphkiln::trainer
