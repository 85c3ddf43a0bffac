// One worker name and its present incarnation.
//
//   kConnecting  -> kActive, kDraining, kSuspect, kLost      known from stored leases; has not
//   reported yet kActive     <-> kSuspect -> kLost -> kConnecting          silent; lost; reports
//   again kActive      -> kDraining -> {kActive, kSuspect, kGone}   finishes what it has; ended any
//   -> kQuarantined -> kConnecting               disobeyed; only a new incarnation leaves it
//
// Thread-compatible; the queue's lock guards it.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "graphkiln/v1/system_service.pb.h"
#include "graphkiln/worker/v1/worker_service.pb.h"

namespace graphkiln::coordinator {

/// One line of the wish that the worker may be told; durable (I2).
struct WorkerOrder {
  int64_t epoch = 0;
  worker::v1::LeaseOrder::Action action = worker::v1::LeaseOrder::ACTION_RUN;
  absl::Duration grace = absl::ZeroDuration();
};

class WorkerRecord {
 public:
  enum class State {
    kConnecting,   // leases are known, the worker has not reported
    kActive,       // reports and obeys
    kSuspect,      // silent for a while or unhealthy; no new work
    kLost,         // silent for so long that its leases have expired
    kDraining,     // finishes what it has
    kGone,         // drained and silent
    kQuarantined,  // reports but does not obey
  };

  explicit WorkerRecord(std::string name) : name_(std::move(name)) {}

  static bool IsLegal(State from, State to);
  static std::string_view Name(State state);
  static v1::WorkerState PublicState(State state);

  const std::string& name() const { return name_; }
  State state() const { return state_; }
  /// False (and a reported bug) when the transition is not legal. The same state is always legal.
  bool TransitionTo(State to);

  bool takes_offers() const {
    return state_ == State::kActive && !cordoned && !drained && !incarnation.empty();
  }
  int32_t slots() const { return inventory.slots(); }
  /// Slots that may be offered: never beyond what the incarnation reported (I6). Leases that the
  /// worker still holds though they are closed count as used.
  int32_t free_slots() const { return slots() - static_cast<int32_t>(jobs.size()) - leftovers; }
  bool superseded(std::string_view old_incarnation) const;
  /// A new process of this name: remembers the old incarnation as closed (I7).
  void StartIncarnation(std::string new_incarnation, std::string new_registration);

  // Kept by the queue.
  std::string incarnation;  // empty: has not reported to this coordinator
  std::string registration;
  std::string reason;
  v1::Inventory inventory;
  worker::v1::WorkerStatus status;
  uint64_t report_seq = 0;
  absl::Duration last_report = absl::ZeroDuration();
  absl::Time last_report_wall;
  bool stream_broken = false;
  bool cordoned = false;
  bool drained = false;
  int32_t leftovers = 0;
  absl::btree_set<std::string> jobs;                 // uids of its open leases
  absl::btree_map<std::string, WorkerOrder> orders;  // by job uid

 private:
  const std::string name_;
  State state_ = State::kConnecting;
  std::deque<std::string> closed_incarnations_;
};

}  // namespace graphkiln::coordinator
