// The log of one job: gives positions, keeps the recent events in memory, knows what is durable.
//
// Readers see an event only when it is durable. Positions rise by one without holes; what is no
// longer in memory is in the store. Thread-compatible; the queue's lock guards it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "graphkiln/v1/job.pb.h"

namespace graphkiln::coordinator {

class EventLog {
 public:
  using EventPtr = std::shared_ptr<const v1::Event>;

  /// Continues a stored log: `last_seq` was the last position, `tail` its last events.
  void Restore(int64_t last_seq, std::vector<EventPtr> tail);
  /// Gives the event its position and keeps it; drops the oldest beyond `ring_events`.
  EventPtr Append(v1::Event event, int64_t ring_events);
  /// Everything up to `seq` is durable.
  void SetDurable(int64_t seq);
  /// Forgets the events in memory (the job has ended and nobody reads).
  void DropRing();

  int64_t last_seq() const { return last_seq_; }
  int64_t durable_seq() const { return durable_seq_; }
  /// First position in memory; last_seq + 1 when there is none.
  int64_t first_in_ring() const;
  /// The event after position `after`, when it is in memory and durable.
  const EventPtr* Find(int64_t seq) const;

 private:
  std::vector<EventPtr> ring_;
  size_t head_ = 0;  // first used element of ring_
  int64_t last_seq_ = 0;
  int64_t durable_seq_ = 0;
};

}  // namespace graphkiln::coordinator
