#include "services/coordinator/core/deadlines.h"

#include <vector>

namespace graphkiln::coordinator {

bool IsOfSilence(TimerKind kind) {
  switch (kind) {
    case TimerKind::kOfferAck:
    case TimerKind::kStop:
    case TimerKind::kWorkerSuspect:
    case TimerKind::kWorkerLost:
      return true;
    case TimerKind::kBackoff:
    case TimerKind::kHoldBack:
    case TimerKind::kWorkerDrain:
    case TimerKind::kWorkerForget:
      return false;
  }
  return false;
}

void Deadlines::Set(TimerKind kind, std::string_view key, absl::Duration at) {
  Timer timer{kind, std::string(key)};
  auto [it, inserted] = by_timer_.try_emplace(timer, at);
  if (!inserted) {
    by_time_.erase({it->second, timer});
    it->second = at;
  }
  by_time_.insert({at, std::move(timer)});
}

void Deadlines::Cancel(TimerKind kind, std::string_view key) {
  const auto it = by_timer_.find(Timer{kind, std::string(key)});
  if (it == by_timer_.end()) return;
  by_time_.erase({it->second, it->first});
  by_timer_.erase(it);
}

std::optional<Timer> Deadlines::PopExpired(absl::Duration now) {
  if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
  Timer timer = by_time_.begin()->second;
  by_time_.erase(by_time_.begin());
  by_timer_.erase(timer);
  return timer;
}

void Deadlines::PutOffSilence(absl::Duration by) {
  std::vector<std::pair<Timer, absl::Duration>> put_off;
  for (const auto& [timer, at] : by_timer_) {
    if (IsOfSilence(timer.kind)) put_off.emplace_back(timer, at + by);
  }
  for (const auto& [timer, at] : put_off) Set(timer.kind, timer.key, at);
}

absl::Duration Deadlines::Next() const {
  return by_time_.empty() ? absl::InfiniteDuration() : by_time_.begin()->first;
}

std::optional<absl::Duration> Deadlines::At(TimerKind kind, std::string_view key) const {
  const auto it = by_timer_.find(Timer{kind, std::string(key)});
  if (it == by_timer_.end()) return std::nullopt;
  return it->second;
}

}  // namespace graphkiln::coordinator
