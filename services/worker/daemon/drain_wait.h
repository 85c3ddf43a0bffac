// When a drained daemon stops waiting for its coordinator. A pure state machine, because the answer
// must not depend on how often it is asked. The daemon asks it under no lock, one thread at a time.
#pragma once

#include "absl/time/time.h"

namespace graphkiln::worker {

class DrainWait {
 public:
  /// Results that wait on disk for the next start are left there after so long a silence.
  static constexpr absl::Duration kUnreachable = absl::Seconds(3);
  /// Trainers that still run then, long after the drain deadline, are given up too: their leases
  /// expire and the jobs go on from their last checkpoints.
  static constexpr absl::Duration kGiveUp = absl::Seconds(5);

  /// The drain begins: jobs may run on until `now + deadline`. Repetition has no effect.
  void Begin(absl::Duration now, absl::Duration deadline) {
    if (over_at_ == absl::InfiniteDuration()) {
      over_at_ = now + deadline;
    }
  }

  /// True when nothing is to be waited for any more. `connected`: the coordinator is there;
  /// `active`: trainers run.
  bool GivesUp(absl::Duration now, bool connected, bool active) {
    if (connected) {
      unreachable_since_ = absl::InfiniteDuration();
      return false;
    }
    if (unreachable_since_ == absl::InfiniteDuration()) {
      unreachable_since_ = now;
    }
    if (!active) {
      return now - unreachable_since_ >= kUnreachable;
    }
    return now - unreachable_since_ >= kGiveUp && over_at_ != absl::InfiniteDuration() &&
           now - over_at_ >= kGiveUp;
  }

 private:
  absl::Duration over_at_ = absl::InfiniteDuration();
  absl::Duration unreachable_since_ = absl::InfiniteDuration();
};

}  // namespace graphkiln::worker
