// Ends waiting and running calls of one lease from another thread. Header-only; thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "absl/time/time.h"

namespace graphkiln::worker {

class Cancellation {
 public:
  Cancellation() = default;
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  void Cancel() {
    std::lock_guard lock(mu_);
    cancelled_ = true;
    for (const auto& [id, hook] : hooks_) {
      hook();
    }
    changed_.notify_all();
  }

  bool cancelled() const {
    std::lock_guard lock(mu_);
    return cancelled_;
  }

  /// Waits; true when it was cancelled before `time` was over.
  bool WaitFor(absl::Duration time) const {
    std::unique_lock lock(mu_);
    return changed_.wait_for(lock, absl::ToChronoMilliseconds(time), [this] { return cancelled_; });
  }

  /// Calls `hook` once when cancelled (at once if it already is), while this object lives. The hook
  /// must not block and must not use the Cancellation.
  class Hook {
   public:
    Hook(Cancellation& cancellation, std::function<void()> hook) : cancellation_(cancellation) {
      std::lock_guard lock(cancellation_.mu_);
      if (cancellation_.cancelled_) {
        hook();
      }
      id_ = cancellation_.next_hook_++;
      cancellation_.hooks_.emplace(id_, std::move(hook));
    }
    ~Hook() {
      std::lock_guard lock(cancellation_.mu_);
      cancellation_.hooks_.erase(id_);
    }
    Hook(const Hook&) = delete;
    Hook& operator=(const Hook&) = delete;

   private:
    Cancellation& cancellation_;
    int id_;
  };

 private:
  mutable std::mutex mu_;
  mutable std::condition_variable changed_;
  bool cancelled_ = false;
  int next_hook_ = 0;
  std::map<int, std::function<void()>> hooks_;
};

}  // namespace graphkiln::worker
