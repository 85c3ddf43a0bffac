// Between the pool's thread and a lease runner: events go straight on to the event sink, what the
// runner must act on is kept in order until it looks. Used by the lease runner only. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "services/worker/daemon/event_sink.h"
#include "services/worker/daemon/lease_runner.h"
#include "services/worker/launch/trainer_pool.h"

namespace graphkiln::worker {

class TrainerMailbox final : public TrainerObserver {
 public:
  TrainerMailbox(LeaseId id, EventSink& events, LeaseListener& listener, Clock& clock)
      : id_(std::move(id)), events_(events), listener_(listener), clock_(clock) {}

  void OnForked(pid_t pid) override;
  void OnReport(trainer::v1::TrainerReport report) override;
  void OnLogLine(std::string_view line) override;
  void OnExit(const TrainerExit& exit) override;

  /// A checkpoint, the trainer's last word, or its exit; in this order of time.
  struct Item {
    std::optional<trainer::v1::CheckpointWritten> checkpoint;
    std::optional<trainer::v1::Finished> finished;
    std::optional<TrainerExit> exit;
  };
  /// Waits for the next item; nothing after `timeout`.
  std::optional<Item> Wait(absl::Duration timeout);
  /// Waits until there is an item, without taking it; false after `timeout`.
  bool WaitAny(absl::Duration timeout);

  int64_t step() const;
  int64_t epoch() const;
  int64_t peak_bytes() const;

 private:
  void Put(Item item);

  const LeaseId id_;
  EventSink& events_;
  LeaseListener& listener_;
  Clock& clock_;

  mutable std::mutex mu_;  // guards all below
  std::condition_variable changed_;
  std::deque<Item> items_;
  int64_t step_ = 0;
  int64_t epoch_ = 0;
  int64_t peak_bytes_ = 0;
};

/// `info`, `warning`, ... of a line that our logging wrote; `info` for any other line.
const char* LevelOfLine(std::string_view line);

}  // namespace graphkiln::worker
