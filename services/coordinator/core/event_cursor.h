// One reader of one job's log: WatchJob, TailLogs, `submit --follow`.
//
// A reader is a cursor, not a queue: it pulls, so a slow one costs nothing but its position. The
// rpc reactor calls Next with one write in flight; when there is nothing to send it waits for the
// listener.
//
//   kEvents  send `response`, call Next again after the write
//   kWait    nothing new; the listener is called when there is. `response` carries the token only,
//            to be sent as progress message every 15 s
//   kLoad    the next events are no longer in memory: call Load() on an executor thread, then Next
//   kEnd     the job has ended and all was read: finish OK
//   kError   finish with `status`
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "graphkiln/v1/job_service.pb.h"
#include "services/coordinator/core/journal.h"

namespace graphkiln::coordinator {

class JobQueue;

/// What a reader wants to see; empty means everything. Bits by Event payload case.
using EventTypeSet = uint32_t;
/// `types` are `state`, `step`, `epoch`, `node`, `log`, `system`, `checkpoint`, `verdict`, `gap`;
/// gap events always pass. Error: FIELD_INVALID.
absl::StatusOr<EventTypeSet> ParseEventTypes(const std::vector<std::string>& types);
/// The word of an event's type, as in `types`.
std::string_view EventTypeName(v1::Event::PayloadCase payload);

/// Thread-safe through the queue's lock; the queue must outlive its cursors. One thread at a time
/// calls Next or Load.
class EventCursor {
 public:
  enum class Kind { kEvents, kWait, kLoad, kEnd, kError };
  struct Batch {
    Kind kind = Kind::kWait;
    v1::WatchJobResponse response;
    absl::Status status;
  };

  ~EventCursor();
  EventCursor(const EventCursor&) = delete;
  EventCursor& operator=(const EventCursor&) = delete;

  /// Never blocks. At most `max_events` events and about 256 KiB.
  Batch Next(size_t max_events);
  /// Reads history from the store: blocks, executor threads only.
  void Load();
  /// Called without locks held, on any thread, when Next may have something; spurious calls happen.
  /// Replaces the previous listener; an empty one stops the calls except for one under way.
  void SetListener(std::function<void()> listener);

 private:
  friend class JobQueue;
  EventCursor(JobQueue* queue, std::string job_uid, EventTypeSet types, int64_t position)
      : queue_(queue), job_uid_(std::move(job_uid)), types_(types), position_(position) {}

  JobQueue* const queue_;
  const std::string job_uid_;
  const EventTypeSet types_;
  int64_t position_;  // last position that was passed; owned by the reading thread
  // History that Load has read and Next has not yet given out; owned by the reading thread.
  std::vector<std::shared_ptr<const v1::Event>> loaded_;
  size_t loaded_used_ = 0;
  bool skip_load_ = false;  // the store holds nothing up to the ring: a hole
  absl::Status failed_;
  std::function<void()> listener_;  // guarded by the queue's lock
};

}  // namespace graphkiln::coordinator
