// The way into JobQueue. Included by job_queue*.cc only.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "services/coordinator/core/job_queue.h"

namespace graphkiln::coordinator {

/// Entering takes the lock, reads the clock once, forgives silence while this process stood still
/// and runs expired deadlines; leaving places waiting
/// jobs, sends what has changed to the journal, unlocks, and calls what must be called without the
/// lock.
class ABSL_SCOPED_LOCKABLE JobQueue::Scope {
 public:
  explicit Scope(JobQueue* queue) ABSL_EXCLUSIVE_LOCK_FUNCTION(queue->mu_) : queue_(*queue) {
    queue_.mu_.Lock();
    queue_.ReadClock();
    queue_.RunDeadlines();
  }

  ~Scope() ABSL_UNLOCK_FUNCTION() {
    queue_.Flush();
    if (queue_.deadline_listener_ != nullptr && queue_.NextWake() < queue_.announced_deadline_) {
      queue_.announced_deadline_ = queue_.NextWake();
      queue_.run_soon_.push_back(queue_.deadline_listener_);
    }
    std::vector<std::function<void()>> actions;
    actions.swap(queue_.run_soon_);
    queue_.mu_.Unlock();
    for (const std::function<void()>& action : actions) action();
  }

  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  JobQueue& queue_;
};

}  // namespace graphkiln::coordinator
