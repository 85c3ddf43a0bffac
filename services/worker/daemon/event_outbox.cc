#include "services/worker/daemon/event_outbox.h"

#include <algorithm>
#include <utility>

namespace graphkiln::worker {
namespace {

using graphkiln::v1::Event;

bool IsDroppable(const Event& event) {
  return event.has_step() || event.has_log() || event.has_node() || event.has_system();
}

/// What an event costs in memory and on the wire, roughly; no need to walk it twice.
constexpr size_t kItemOverhead = 64;

}  // namespace

void EventOutbox::Open(const LeaseId& id) {
  Lease lease;
  lease.drop_above = options_.max_unsent_events;
  leases_.emplace(id, std::move(lease));
}

void EventOutbox::Close(const LeaseId& id) { leases_.erase(id); }

void EventOutbox::Append(const LeaseId& id, Event event, absl::Duration now) {
  const auto it = leases_.find(id);
  if (it == leases_.end()) {
    return;
  }
  Lease& lease = it->second;
  Item item;
  item.seq = ++lease.last_seq;
  item.droppable = IsDroppable(event);
  item.bytes = event.ByteSizeLong() + kItemOverhead;
  event.set_job(id.job);
  event.clear_seq();
  const bool first_step = event.has_step() && !lease.had_step;
  lease.had_step |= event.has_step();
  item.event = std::move(event);
  ++lease.unsent_events;
  lease.unsent_bytes += item.bytes;
  lease.items.push_back(std::move(item));
  lease.flush_at = std::min(lease.flush_at, first_step ? now : now + options_.linger);
  if (lease.unsent_events > lease.drop_above || lease.unsent_bytes > options_.max_unsent_bytes) {
    DropSome(lease);
  }
}

void EventOutbox::DropSome(Lease& lease) {
  // Down to half of both bounds, so that the work is done rarely.
  const size_t events_target = options_.max_unsent_events / 2;
  const size_t bytes_target = options_.max_unsent_bytes / 2;
  size_t first = lease.items.size();
  while (first > 0 && lease.items[first - 1].seq > lease.highest_sent) {
    --first;
  }
  size_t kept = first;  // items are compacted towards here
  for (size_t i = first; i < lease.items.size(); ++i) {
    Item& item = lease.items[i];
    const bool drop = item.droppable &&
                      (lease.unsent_events > events_target || lease.unsent_bytes > bytes_target);
    if (!drop) {
      if (kept != i) {
        lease.items[kept] = std::move(item);
      }
      ++kept;
      continue;
    }
    lease.unsent_bytes -= item.bytes;
    const bool extends = kept > first && lease.items[kept - 1].event.has_gap() &&
                         lease.items[kept - 1].seq + 1 == item.seq;
    if (extends) {
      Item& gap = lease.items[kept - 1];
      gap.seq = item.seq;
      *gap.event.mutable_time() = item.event.time();
      gap.event.mutable_gap()->set_last_missing(static_cast<int64_t>(item.seq));
      gap.event.mutable_gap()->set_count(gap.event.gap().count() + 1);
      --lease.unsent_events;
      continue;
    }
    Item gap;
    gap.seq = item.seq;
    gap.event.set_job(item.event.job());
    *gap.event.mutable_time() = item.event.time();
    gap.event.mutable_gap()->set_first_missing(static_cast<int64_t>(item.seq));
    gap.event.mutable_gap()->set_last_missing(static_cast<int64_t>(item.seq));
    gap.event.mutable_gap()->set_count(1);
    gap.bytes = gap.event.ByteSizeLong() + kItemOverhead;
    lease.unsent_bytes += gap.bytes;
    lease.items[kept++] = std::move(gap);
  }
  lease.items.resize(kept);
  // Where only events that may not be dropped are left, the next attempt waits until more came.
  lease.drop_above = std::max(options_.max_unsent_events, lease.unsent_events + events_target);
}

void EventOutbox::Hurry(const LeaseId& id, absl::Duration now) {
  if (const auto it = leases_.find(id); it != leases_.end() && !it->second.items.empty()) {
    it->second.flush_at = std::min(it->second.flush_at, now);
  }
}

bool EventOutbox::CanSend(const Lease& lease) const {
  return lease.sent < lease.items.size() && lease.sent < options_.window;
}

absl::Duration EventOutbox::NextFlush() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [id, lease] : leases_) {
    if (CanSend(lease)) {
      next = std::min(next, lease.flush_at);
    }
  }
  return next;
}

std::optional<v1::PublishEventsRequest> EventOutbox::Take(absl::Duration now) {
  auto chosen = leases_.end();
  const auto due = [&](const Lease& lease) { return CanSend(lease) && lease.flush_at <= now; };
  // The first that is due after the one that had its turn last, round the end.
  for (auto it = leases_.upper_bound(last_taken_); it != leases_.end(); ++it) {
    if (due(it->second)) {
      chosen = it;
      break;
    }
  }
  for (auto it = leases_.begin(); chosen == leases_.end() && it != leases_.end(); ++it) {
    if (due(it->second)) {
      chosen = it;
    }
  }
  if (chosen == leases_.end()) {
    return std::nullopt;
  }
  const LeaseId& id = chosen->first;
  Lease& lease = chosen->second;
  last_taken_ = id;
  v1::PublishEventsRequest request;
  request.set_job(id.job);
  request.set_lease_epoch(id.epoch);
  request.set_worker(options_.worker);
  size_t bytes = 0;
  while (CanSend(lease) && static_cast<size_t>(request.events_size()) < options_.max_batch_events) {
    const Item& item = lease.items[lease.sent];
    if (request.events_size() > 0 && bytes + item.bytes > options_.max_batch_bytes) {
      break;
    }
    bytes += item.bytes;
    v1::LeaseEvent* event = request.add_events();
    event->set_worker_seq(item.seq);
    *event->mutable_event() = item.event;
    if (item.seq > lease.highest_sent) {
      lease.highest_sent = item.seq;
      --lease.unsent_events;
      lease.unsent_bytes -= item.bytes;
    }
    ++lease.sent;
  }
  if (lease.unsent_events == 0) {
    lease.drop_above = options_.max_unsent_events;
  }
  if (lease.sent == lease.items.size()) {
    lease.flush_at = absl::InfiniteDuration();
  }
  return request;
}

void EventOutbox::OnAcknowledged(const LeaseId& id, uint64_t seq) {
  const auto it = leases_.find(id);
  if (it == leases_.end()) {
    return;
  }
  Lease& lease = it->second;
  // Never more than was sent, whatever the peer says.
  while (lease.sent > 0 && lease.items.front().seq <= seq) {
    lease.items.pop_front();
    --lease.sent;
  }
}

void EventOutbox::OnStreamBroken(absl::Duration now) {
  for (auto& [id, lease] : leases_) {
    lease.sent = 0;
    if (!lease.items.empty()) {
      lease.flush_at = now;
    }
  }
}

uint64_t EventOutbox::last_seq(const LeaseId& id) const {
  const auto it = leases_.find(id);
  return it == leases_.end() ? 0 : it->second.last_seq;
}

bool EventOutbox::Drained(const LeaseId& id) const {
  const auto it = leases_.find(id);
  return it == leases_.end() || it->second.items.empty();
}

}  // namespace graphkiln::worker
