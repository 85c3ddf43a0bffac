// All expiry of the core in one ordered set: no timer threads. Entries are data (kind and key), not
// closures, so that a run is reproducible and the set can be inspected. Thread-compatible.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"

namespace graphkiln::coordinator {

enum class TimerKind {
  kOfferAck,       // key: job uid; the offer was not echoed
  kStop,           // key: job uid; a stop order was not obeyed
  kBackoff,        // key: job uid; try again
  kHoldBack,       // key: job uid; a refused job may be offered again
  kWorkerSuspect,  // key: worker; silent for a while
  kWorkerLost,     // key: worker; silent for too long
  kWorkerDrain,    // key: worker; a draining daemon's jobs must go
  kWorkerForget,   // key: worker; lost for so long that its entry goes
};

/// Does the timer end somebody's silence? Such a timer must not count time in which nobody here
/// listened.
bool IsOfSilence(TimerKind kind);

struct Timer {
  TimerKind kind;
  std::string key;
  friend bool operator<(const Timer& a, const Timer& b) {
    return std::tie(a.kind, a.key) < std::tie(b.kind, b.key);
  }
};

class Deadlines {
 public:
  /// Replaces the entry of (kind, key).
  void Set(TimerKind kind, std::string_view key, absl::Duration at);
  void Cancel(TimerKind kind, std::string_view key);
  /// Removes and returns the earliest entry that is due at `now`.
  std::optional<Timer> PopExpired(absl::Duration now);
  /// Puts the timers of silence off.
  void PutOffSilence(absl::Duration by);
  /// InfiniteDuration when empty.
  absl::Duration Next() const;
  std::optional<absl::Duration> At(TimerKind kind, std::string_view key) const;
  size_t size() const { return by_timer_.size(); }

 private:
  absl::btree_map<Timer, absl::Duration> by_timer_;
  std::set<std::pair<absl::Duration, Timer>> by_time_;
};

}  // namespace graphkiln::coordinator
