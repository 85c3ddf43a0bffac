// One worker name and its present incarnation.
//
//   kConnecting  -> kActive, kDraining, kSuspect, kLost    known from stored leases, or registers
//   kActive      -> kSuspect, kDraining, kConnecting       silent; leaves; a new incarnation
//   kSuspect     -> kActive, kDraining, kLost, kConnecting
//   kDraining    -> kActive, kSuspect, kGone, kConnecting  finishes what it has, then falls silent
//   kLost, kGone -> kConnecting                            reports again
//   any          -> kQuarantined -> kConnecting            disobeyed; a new incarnation leaves it
//
// Thread-compatible; the queue's lock guards it.
#pragma once

#include <compare>
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

  bool IsStop() const {
    return action == worker::v1::LeaseOrder::ACTION_STOP ||
           action == worker::v1::LeaseOrder::ACTION_CHECKPOINT_AND_STOP;
  }
};

/// The order in which processes of a worker name have registered; it is in the registration, which
/// a process keeps when the coordinator restarts, so that an old process is told from a new one
/// (I7).
struct RegistrationRank {
  uint64_t generation = 0;
  uint64_t number = 0;

  /// {0, 0} where the text is no registration of ours.
  static RegistrationRank Of(std::string_view registration);
  std::string Registration(std::string_view random) const;
  friend auto operator<=>(const RegistrationRank&, const RegistrationRank&) = default;
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
    return state_ == State::kActive && !cordoned && !drained && reported();
  }
  int32_t slots() const { return inventory.slots(); }
  /// Slots that may be offered: never beyond what the incarnation reported (I6). Leases that the
  /// worker still holds though they are closed count as used.
  int32_t free_slots() const { return slots() - static_cast<int32_t>(jobs.size()) - leftovers; }
  /// It has registered with this coordinator; before that only its stored leases are known.
  bool reported() const { return !registration.empty(); }
  bool superseded(std::string_view old_incarnation) const;
  /// A new process of this name: remembers the old incarnation as closed (I7).
  void StartIncarnation(std::string new_incarnation, std::string new_registration);

  // Kept by the queue.
  std::string incarnation;  // before it reports: that of its stored leases, or empty
  std::string registration;
  RegistrationRank rank;  // of the incarnation
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
  absl::btree_set<std::string> jobs;  // uids of its open leases
  using Orders = absl::btree_map<std::string, WorkerOrder>;
  Orders orders;  // by job uid

 private:
  const std::string name_;
  State state_ = State::kConnecting;
  std::deque<std::string> closed_incarnations_;
};

}  // namespace graphkiln::coordinator
