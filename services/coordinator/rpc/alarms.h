// Deadlines on one thread: the queue's Tick, the watchers' progress messages and pacing.
//
// Callbacks run on the alarm thread without a lock held and return in microseconds. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "common/base/clock.h"

namespace graphkiln::coordinator {

class Alarms {
 public:
  explicit Alarms(Clock& clock);
  /// Stop().
  ~Alarms();
  Alarms(const Alarms&) = delete;
  Alarms& operator=(const Alarms&) = delete;

  /// Calls `call` once, soon after Clock::Monotonic() has reached `when`. Returns an id for Cancel,
  /// never 0.
  uint64_t At(absl::Duration when, std::function<void()> call);
  uint64_t In(absl::Duration delay, std::function<void()> call);
  /// The call may still come once if it is under way. Unknown ids and 0 are ignored.
  void Cancel(uint64_t id);
  /// Looks at the clock again (for tests that move a fake one).
  void Poke();
  /// Drops what waits and joins the thread. Idempotent; not from a callback.
  void Stop();

 private:
  void Run();

  Clock& clock_;
  std::mutex mu_;
  std::condition_variable wake_;
  std::map<std::pair<absl::Duration, uint64_t>, std::function<void()>> alarms_;  // guarded by mu_
  std::map<uint64_t, absl::Duration> when_;                                      // guarded by mu_
  uint64_t next_id_ = 1;                                                         // guarded by mu_
  bool poked_ = false;                                                           // guarded by mu_
  bool stopping_ = false;                                                        // guarded by mu_
  std::thread thread_;
};

}  // namespace graphkiln::coordinator
