#include "services/coordinator/rpc/alarms.h"

#include <algorithm>

namespace graphkiln::coordinator {
namespace {

// A wall that the thread never sleeps beyond; a missed wake-up costs no more.
constexpr absl::Duration kLongestSleep = absl::Seconds(1);

}  // namespace

Alarms::Alarms(Clock& clock) : clock_(clock), thread_([this] { Run(); }) {}

Alarms::~Alarms() { Stop(); }

uint64_t Alarms::At(absl::Duration when, std::function<void()> call) {
  uint64_t id = 0;
  bool first = false;
  {
    std::lock_guard lock(mu_);
    id = next_id_++;
    alarms_.emplace(std::make_pair(when, id), std::move(call));
    when_.emplace(id, when);
    first = alarms_.begin()->first.second == id;
    if (first) poked_ = true;
  }
  if (first) wake_.notify_one();
  return id;
}

uint64_t Alarms::In(absl::Duration delay, std::function<void()> call) {
  return At(clock_.Monotonic() + delay, std::move(call));
}

void Alarms::Cancel(uint64_t id) {
  std::function<void()> dropped;  // destroyed without the lock: it may own a call
  std::lock_guard lock(mu_);
  const auto it = when_.find(id);
  if (it == when_.end()) return;
  const auto alarm = alarms_.find({it->second, id});
  dropped = std::move(alarm->second);
  alarms_.erase(alarm);
  when_.erase(it);
}

void Alarms::Poke() {
  {
    std::lock_guard lock(mu_);
    poked_ = true;
  }
  wake_.notify_one();
}

void Alarms::Stop() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  std::map<std::pair<absl::Duration, uint64_t>, std::function<void()>> dropped;
  std::lock_guard lock(mu_);
  dropped.swap(alarms_);
  when_.clear();
}

void Alarms::Run() {
  std::unique_lock lock(mu_);
  while (!stopping_) {
    absl::Duration sleep = kLongestSleep;
    if (!alarms_.empty()) {
      const absl::Duration when = alarms_.begin()->first.first;
      const absl::Duration now = clock_.Monotonic();
      if (when <= now) {
        auto node = alarms_.extract(alarms_.begin());
        when_.erase(node.key().second);
        lock.unlock();
        node.mapped()();
        node = {};
        lock.lock();
        continue;
      }
      sleep = std::min(sleep, when - now);
    }
    wake_.wait_for(lock, absl::ToChronoNanoseconds(sleep), [this] { return poked_ || stopping_; });
    poked_ = false;
  }
}

}  // namespace graphkiln::coordinator
