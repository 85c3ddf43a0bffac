#include "services/coordinator/rpc/ticker.h"

namespace graphkiln::coordinator {

Ticker::Ticker(JobQueue& queue, Alarms& alarms) : state_(std::make_shared<State>(queue, alarms)) {
  queue.SetDeadlineListener([state = state_] { Arm(state); });
  Arm(state_);
}

Ticker::~Ticker() {
  state_->queue.SetDeadlineListener({});
  std::lock_guard lock(state_->mu);
  state_->stopped = true;
  state_->alarms.Cancel(state_->alarm);
}

void Ticker::Arm(const std::shared_ptr<State>& state) {
  const absl::Duration when = state->queue.NextDeadline();
  std::lock_guard lock(state->mu);
  if (state->stopped || when >= state->alarm_when) return;
  state->alarms.Cancel(state->alarm);
  state->alarm_when = when;
  state->alarm = state->alarms.At(when, [state] { Fire(state); });
}

void Ticker::Fire(const std::shared_ptr<State>& state) {
  {
    std::lock_guard lock(state->mu);
    if (state->stopped) return;
    state->alarm = 0;
    state->alarm_when = absl::InfiniteDuration();
  }
  state->queue.Tick();
  Arm(state);
}

}  // namespace graphkiln::coordinator
