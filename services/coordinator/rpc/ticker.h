// Calls the queue's Tick when its next deadline has come. Thread-safe.
#pragma once

#include <memory>
#include <mutex>

#include "services/coordinator/core/job_queue.h"
#include "services/coordinator/rpc/alarms.h"

namespace graphkiln::coordinator {

class Ticker {
 public:
  /// Both must outlive it.
  Ticker(JobQueue& queue, Alarms& alarms);
  /// No Tick starts afterwards; one under way may still run.
  ~Ticker();

 private:
  // Shared with the callbacks, which may come once more after the end.
  struct State {
    State(JobQueue& queue, Alarms& alarms) : queue(queue), alarms(alarms) {}
    JobQueue& queue;
    Alarms& alarms;
    std::mutex mu;
    bool stopped = false;                                  // guarded by mu
    uint64_t alarm = 0;                                    // guarded by mu
    absl::Duration alarm_when = absl::InfiniteDuration();  // guarded by mu
  };
  static void Arm(const std::shared_ptr<State>& state);
  static void Fire(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;
};

}  // namespace graphkiln::coordinator
