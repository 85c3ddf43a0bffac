// A clock that moves only when told to; for tests and the simulator.
#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"

namespace graphkiln {

/// Thread-safe.
class FakeClock final : public Clock {
 public:
  /// Starts at `start` wall time (2024-01-01 UTC by default) and zero monotonic time.
  explicit FakeClock(absl::Time start = absl::FromUnixSeconds(1704067200)) : now_(start) {}

  absl::Time Now() override {
    absl::MutexLock lock(&mu_);
    return now_;
  }

  absl::Duration Monotonic() override {
    absl::MutexLock lock(&mu_);
    return monotonic_;
  }

  /// Moves both clocks. REQUIRES: by >= 0.
  void Advance(absl::Duration by) {
    absl::MutexLock lock(&mu_);
    now_ += by;
    monotonic_ += by;
  }

  /// Steps the wall clock alone, as NTP or an operator would.
  void SetWallTime(absl::Time now) {
    absl::MutexLock lock(&mu_);
    now_ = now;
  }

 private:
  absl::Mutex mu_;
  absl::Time now_ ABSL_GUARDED_BY(mu_);
  absl::Duration monotonic_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
};

}  // namespace graphkiln
