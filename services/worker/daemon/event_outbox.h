// Events on their way to the coordinator, per lease: numbering, bounds, batches, resending. A pure
// state machine; the publisher calls it under its lock.
//
// Events are numbered from 1 per lease when they are appended and kept until the coordinator says
// that they are durable; after a broken stream everything that is not durable is sent again.
// Training is never held up: when too much waits, steps, logs, node and system figures that were
// never sent are dropped, oldest first, and each run of dropped events becomes one gap event (with
// the number of the last of them) that says how many. Other events are never dropped.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "graphkiln/worker/v1/worker_service.pb.h"
#include "services/worker/daemon/lease_id.h"

namespace graphkiln::worker {

class EventOutbox {
 public:
  struct Options {
    std::string worker;
    /// Bounds of what one lease keeps unsent before it drops.
    size_t max_unsent_events = 20'000;
    size_t max_unsent_bytes = 8 << 20;
    /// Bounds of one message.
    size_t max_batch_events = 2'000;
    size_t max_batch_bytes = 512 << 10;
    /// Events of one lease that may be sent and not yet durable.
    size_t window = 8'000;
    /// How long events are collected; the first step of a lease never waits.
    absl::Duration linger = absl::Milliseconds(50);
  };

  explicit EventOutbox(Options options) : options_(std::move(options)) {}

  /// Starts a lease. Appending to a lease that is not open does nothing.
  void Open(const LeaseId& id);
  /// Forgets a lease and all that it still had.
  void Close(const LeaseId& id);
  void Append(const LeaseId& id, graphkiln::v1::Event event, absl::Duration now);
  /// Sends what there is of this lease without lingering (its end is near).
  void Hurry(const LeaseId& id, absl::Duration now);

  /// When Take will have something; infinite when nothing waits or the windows are full.
  absl::Duration NextFlush() const;
  /// The next message, if one is due. Leases take turns.
  std::optional<v1::PublishEventsRequest> Take(absl::Duration now);
  void OnAcknowledged(const LeaseId& id, uint64_t seq);
  /// All that is not durable will be sent again.
  void OnStreamBroken(absl::Duration now);

  uint64_t last_seq(const LeaseId& id) const;
  /// Nothing of this lease waits for being durable (true also for a lease that is not open).
  bool Drained(const LeaseId& id) const;

 private:
  struct Item {
    uint64_t seq = 0;
    size_t bytes = 0;
    bool droppable = false;
    graphkiln::v1::Event event;
  };
  struct Lease {
    std::deque<Item> items;  // rising seq; the first `sent` are under way on this stream
    size_t sent = 0;
    uint64_t last_seq = 0;
    uint64_t highest_sent = 0;  // on any stream; what may be durable is never replaced by a gap
    size_t unsent_events = 0;   // items above highest_sent
    size_t unsent_bytes = 0;
    size_t drop_above = 0;  // hysteresis: dropping starts above this many unsent events
    bool had_step = false;
    absl::Duration flush_at = absl::InfiniteDuration();
  };

  void DropSome(Lease& lease);
  bool CanSend(const Lease& lease) const;

  const Options options_;
  std::map<LeaseId, Lease> leases_;
  LeaseId last_taken_;
};

}  // namespace graphkiln::worker
