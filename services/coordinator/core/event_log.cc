#include "services/coordinator/core/event_log.h"

#include <algorithm>
#include <utility>

namespace graphkiln::coordinator {

void EventLog::Restore(int64_t last_seq, std::vector<EventPtr> tail) {
  last_seq_ = last_seq;
  ring_ = std::move(tail);
  head_ = 0;
  if (!ring_.empty()) last_seq_ = std::max(last_seq_, ring_.back()->seq());
  // The ring must be contiguous and end at the last position; what is not is left to the store.
  size_t first = ring_.size();
  int64_t expected = last_seq_;
  while (first > 0 && ring_[first - 1]->seq() == expected) {
    --first;
    --expected;
  }
  ring_.erase(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(first));
  durable_seq_ = last_seq_;
}

EventLog::EventPtr EventLog::Append(v1::Event event, int64_t ring_events) {
  event.set_seq(++last_seq_);
  EventPtr shared = std::make_shared<const v1::Event>(std::move(event));
  ring_.push_back(shared);
  while (static_cast<int64_t>(ring_.size() - head_) > ring_events) ring_[head_++].reset();
  if (head_ > 64 && head_ * 2 > ring_.size()) {
    ring_.erase(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  return shared;
}

void EventLog::SetDurable(int64_t seq) { durable_seq_ = std::max(durable_seq_, seq); }

void EventLog::DropRing() {
  std::vector<EventPtr>().swap(ring_);
  head_ = 0;
}

int64_t EventLog::first_in_ring() const {
  return head_ < ring_.size() ? ring_[head_]->seq() : last_seq_ + 1;
}

const EventLog::EventPtr* EventLog::Find(int64_t seq) const {
  if (seq > durable_seq_ || seq < first_in_ring() || head_ >= ring_.size()) return nullptr;
  const size_t index = head_ + static_cast<size_t>(seq - ring_[head_]->seq());
  return index < ring_.size() ? &ring_[index] : nullptr;
}

}  // namespace graphkiln::coordinator
