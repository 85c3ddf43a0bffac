// What the worker holds and what it must do about it: a pure state machine. Orders (full state),
// the ends of trainers and time go in, actions come out. No thread, no clock, no I/O of its own;
// the supervisor calls it under its lock.
//
// Rules that are easy to get wrong:
//   * orders that are not authoritative never stop anything;
//   * a held lease that an authoritative order set leaves out is fenced: killed, nothing more is
//   sent;
//   * orders repeat with every message, so a repeated stop never extends the time to obey;
//   * a stronger stop replaces a weaker one, never the other way;
//   * an order may be older than the answer that closed its lease, and is then ignored;
//   * a slot is in use until the trainer is really gone, whatever was ordered.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "graphkiln/worker/v1/worker_service.pb.h"
#include "services/worker/daemon/lease_id.h"

namespace graphkiln::worker {

/// What a lease was told, from weak to strong.
enum class StopKind { kNone, kFinishEarly, kCheckpoint, kCancel, kFence };

struct LeaseAction {
  enum class Kind {
    kStart,        // `spec` is set
    kFinishEarly,  // tell the trainer
    kCheckpoint,   // tell the trainer to write a checkpoint and give the lease back
    kCancel,       // tell the trainer to end without a result
    kTerminate,    // SIGTERM: the time to obey is nearly over
    kKill,         // SIGKILL: it is over
    kFence,        // SIGKILL, and send nothing more about it
  };
  Kind kind;
  LeaseId id;
  v1::LeaseSpec spec;
};

class LeaseTable {
 public:
  struct Options {
    int slots = 1;
    /// Time to obey where nobody says one (drain, long silence of the coordinator).
    absl::Duration grace = absl::Seconds(30);
    /// Silence of the coordinator after which running jobs are checkpointed and stopped.
    absl::Duration detached_limit = absl::Minutes(10);
    /// What runs when a drain begins may run on for so long; as the coordinator's own deadline.
    absl::Duration drain_deadline = absl::Seconds(30);
  };

  /// `now` here and below is monotonic.
  LeaseTable(Options options, absl::Duration now);

  std::vector<LeaseAction> OnOrders(const v1::ConnectResponse& orders, absl::Duration now);
  /// To be called at NextDeadline() or any time.
  std::vector<LeaseAction> OnTick(absl::Duration now);
  absl::Duration NextDeadline() const;
  /// From now on nothing new is taken; what still runs at the drain deadline writes a checkpoint
  /// and is given back.
  std::vector<LeaseAction> OnDrain(absl::Duration now);
  /// The coordinator said that the lease is closed (a fenced write).
  std::vector<LeaseAction> OnFenced(const LeaseId& id);

  /// A result of an earlier process that still has to be handed over.
  void Restore(const LeaseId& id, int64_t step);
  void OnTrainerStarted(const LeaseId& id);
  void OnStep(const LeaseId& id, int64_t step);
  /// The trainer is gone and the result is kept.
  void OnEnded(const LeaseId& id);
  /// The coordinator has the result, or does not want it.
  void OnClosed(const LeaseId& id);

  /// The complete truth for a report, without event numbers.
  std::vector<v1::HeldLease> Held() const;
  StopKind stop(const LeaseId& id) const;
  /// Nothing runs and nothing is left to hand over (refused leases do not count).
  bool idle() const;
  /// Leases with a trainer, or about to have one.
  int active() const;
  int refused() const;
  bool draining() const { return draining_; }

 private:
  struct Lease {
    v1::HeldLease::Phase phase = v1::HeldLease::PHASE_STARTING;
    StopKind stop = StopKind::kNone;
    int64_t step = 0;
    std::string reason;
    absl::Duration terminate_at = absl::InfiniteDuration();
    absl::Duration kill_at = absl::InfiniteDuration();
  };

  static bool Active(const Lease& lease);
  void Offer(const v1::LeaseOrder& order, const LeaseId& id, std::vector<LeaseAction>* actions);
  void RequestStop(const LeaseId& id, Lease& lease, StopKind kind, absl::Duration grace,
                   absl::Duration now, std::vector<LeaseAction>* actions);
  void Fence(const LeaseId& id, Lease& lease, std::vector<LeaseAction>* actions);

  const Options options_;
  std::map<LeaseId, Lease> leases_;
  bool draining_ = false;
  absl::Duration drain_at_ = absl::InfiniteDuration();
  absl::Duration last_contact_;
  // Highest closed epoch per job under the present registration, so that a message that was under
  // way when the lease closed does not start it again. Bounded: the oldest is forgotten.
  std::string registration_;
  std::map<std::string, int64_t> closed_;
  std::deque<std::string> closed_order_;
};

}  // namespace graphkiln::worker
