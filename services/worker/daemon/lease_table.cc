#include "services/worker/daemon/lease_table.h"

#include <algorithm>
#include <set>
#include <utility>

namespace graphkiln::worker {
namespace {

using v1::HeldLease;
using v1::LeaseOrder;

constexpr size_t kClosedKept = 1024;

absl::Duration GraceOf(const LeaseOrder& order) {
  return std::max(absl::ZeroDuration(), absl::Seconds(order.grace().seconds()) +
                                            absl::Nanoseconds(order.grace().nanos()));
}

/// A trainer that is about to be killed hears SIGTERM this long before.
absl::Duration TerminateLead(absl::Duration grace) { return std::min(absl::Seconds(2), grace / 2); }

}  // namespace

LeaseTable::LeaseTable(Options options, absl::Duration now)
    : options_(options), last_contact_(now) {}

bool LeaseTable::Active(const Lease& lease) {
  return lease.phase == HeldLease::PHASE_STARTING || lease.phase == HeldLease::PHASE_RUNNING ||
         lease.phase == HeldLease::PHASE_STOPPING;
}

int LeaseTable::active() const {
  return static_cast<int>(std::count_if(leases_.begin(), leases_.end(),
                                        [](const auto& entry) { return Active(entry.second); }));
}

void LeaseTable::Offer(const LeaseOrder& order, const LeaseId& id,
                       std::vector<LeaseAction>* actions) {
  if (!order.has_spec()) {
    return;  // believed to be here, but is not: the next report says so
  }
  Lease lease;
  const auto reject = [&](std::string reason) {
    lease.phase = HeldLease::PHASE_REJECTED;
    lease.reason = std::move(reason);
    leases_.emplace(id, std::move(lease));
  };
  if (!order.spec().has_job() || !order.spec().has_ir()) {
    reject("INVALID_SPEC: the order has no job or no program");
    return;
  }
  if (draining_) {
    reject("DRAINING: the worker is stopping");
    return;
  }
  if (active() >= options_.slots) {
    const bool soon_free = std::any_of(leases_.begin(), leases_.end(), [](const auto& entry) {
      return entry.second.phase == HeldLease::PHASE_STOPPING;
    });
    // Orders repeat, so one that comes a moment too early is just not taken yet.
    if (!soon_free) {
      reject("NO_SLOT: all slots are in use");
    }
    return;
  }
  leases_.emplace(id, std::move(lease));
  LeaseAction start{LeaseAction::Kind::kStart, id, order.spec()};
  actions->push_back(std::move(start));
  if (order.action() == LeaseOrder::ACTION_FINISH_EARLY) {
    leases_[id].stop = StopKind::kFinishEarly;
    actions->push_back({LeaseAction::Kind::kFinishEarly, id, {}});
  }
}

void LeaseTable::RequestStop(const LeaseId& id, Lease& lease, StopKind kind, absl::Duration grace,
                             absl::Duration now, std::vector<LeaseAction>* actions) {
  if (!Active(lease) || kind < lease.stop) {
    return;
  }
  const bool stronger = kind > lease.stop;
  lease.stop = kind;
  if (kind == StopKind::kFinishEarly) {
    // Evaluation and export take their time; the job is still RUNNING.
    if (stronger) {
      actions->push_back({LeaseAction::Kind::kFinishEarly, id, {}});
    }
    return;
  }
  lease.phase = HeldLease::PHASE_STOPPING;
  if (lease.kill_at > now + grace) {
    lease.kill_at = now + grace;
    lease.terminate_at = lease.kill_at - TerminateLead(grace);
  }
  if (!stronger) {
    return;
  }
  if (grace == absl::ZeroDuration()) {
    lease.terminate_at = lease.kill_at = absl::InfiniteDuration();
    actions->push_back({LeaseAction::Kind::kKill, id, {}});
    return;
  }
  actions->push_back(
      {kind == StopKind::kCheckpoint ? LeaseAction::Kind::kCheckpoint : LeaseAction::Kind::kCancel,
       id,
       {}});
}

void LeaseTable::Fence(const LeaseId& id, Lease& lease, std::vector<LeaseAction>* actions) {
  if (lease.stop == StopKind::kFence) {
    return;
  }
  lease.stop = StopKind::kFence;
  if (Active(lease)) {
    lease.phase = HeldLease::PHASE_STOPPING;
  }
  lease.terminate_at = lease.kill_at = absl::InfiniteDuration();
  actions->push_back({LeaseAction::Kind::kFence, id, {}});
}

std::vector<LeaseAction> LeaseTable::OnOrders(const v1::ConnectResponse& orders,
                                              absl::Duration now) {
  last_contact_ = now;
  if (registration_ != orders.registration()) {
    registration_ = orders.registration();
    closed_.clear();
    closed_order_.clear();
  }
  std::vector<LeaseAction> actions;
  std::set<LeaseId> wanted;
  for (const LeaseOrder& order : orders.orders()) {
    wanted.insert({order.job(), order.lease_epoch()});
  }
  if (orders.authoritative()) {
    for (auto it = leases_.begin(); it != leases_.end();) {
      const auto entry = it++;
      Lease& lease = entry->second;
      if (wanted.count(entry->first) > 0 || lease.phase == HeldLease::PHASE_FINISHED) {
        continue;  // a finished one is settled by the answer to FinishLease
      }
      if (lease.phase == HeldLease::PHASE_REJECTED) {
        leases_.erase(entry);
        continue;
      }
      Fence(entry->first, lease, &actions);
    }
  }
  for (const LeaseOrder& order : orders.orders()) {
    const LeaseId id{order.job(), order.lease_epoch()};
    const bool run = order.action() == LeaseOrder::ACTION_RUN ||
                     order.action() == LeaseOrder::ACTION_FINISH_EARLY;
    const auto held = leases_.find(id);
    if (held == leases_.end()) {
      // An older grant of the job is fenced first and its trainer gone, before the newer one
      // starts.
      const bool job_is_held = std::any_of(leases_.begin(), leases_.end(), [&](const auto& entry) {
        return entry.first.job == id.job && (entry.first.epoch > id.epoch || Active(entry.second));
      });
      const auto closed = closed_.find(id.job);
      const bool is_closed = closed != closed_.end() && closed->second >= id.epoch;
      if (run && orders.authoritative() && !job_is_held && !is_closed) {
        Offer(order, id, &actions);
      }
      continue;
    }
    if (!orders.authoritative()) {
      continue;
    }
    switch (order.action()) {
      case LeaseOrder::ACTION_FINISH_EARLY:
        RequestStop(id, held->second, StopKind::kFinishEarly, absl::ZeroDuration(), now, &actions);
        break;
      case LeaseOrder::ACTION_CHECKPOINT_AND_STOP:
        RequestStop(id, held->second, StopKind::kCheckpoint, GraceOf(order), now, &actions);
        break;
      case LeaseOrder::ACTION_STOP:
        RequestStop(id, held->second, StopKind::kCancel, GraceOf(order), now, &actions);
        break;
      default:
        break;  // RUN: it does
    }
  }
  return actions;
}

std::vector<LeaseAction> LeaseTable::OnTick(absl::Duration now) {
  std::vector<LeaseAction> actions;
  const bool detached = now - last_contact_ >= options_.detached_limit;
  for (auto& [id, lease] : leases_) {
    if (!Active(lease)) {
      continue;
    }
    const bool leaves = (detached && lease.stop < StopKind::kFinishEarly) ||
                        (drain_at_ <= now && lease.stop < StopKind::kCheckpoint);
    if (leaves) {
      RequestStop(id, lease, StopKind::kCheckpoint, options_.grace, now, &actions);
    }
    if (lease.terminate_at <= now) {
      lease.terminate_at = absl::InfiniteDuration();
      actions.push_back({LeaseAction::Kind::kTerminate, id, {}});
    }
    if (lease.kill_at <= now) {
      lease.kill_at = absl::InfiniteDuration();
      actions.push_back({LeaseAction::Kind::kKill, id, {}});
    }
  }
  return actions;
}

absl::Duration LeaseTable::NextDeadline() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [id, lease] : leases_) {
    next = std::min({next, lease.terminate_at, lease.kill_at});
    if (Active(lease) && lease.stop < StopKind::kFinishEarly) {
      next = std::min(next, last_contact_ + options_.detached_limit);
    }
    if (Active(lease) && lease.stop < StopKind::kCheckpoint) {
      next = std::min(next, drain_at_);
    }
  }
  return next;
}

std::vector<LeaseAction> LeaseTable::OnDrain(absl::Duration now) {
  draining_ = true;
  drain_at_ = std::min(drain_at_, now + options_.drain_deadline);
  return OnTick(now);
}

std::vector<LeaseAction> LeaseTable::OnFenced(const LeaseId& id) {
  std::vector<LeaseAction> actions;
  if (const auto it = leases_.find(id); it != leases_.end()) {
    Fence(id, it->second, &actions);
  }
  return actions;
}

void LeaseTable::Restore(const LeaseId& id, int64_t step) {
  Lease lease;
  lease.phase = HeldLease::PHASE_FINISHED;
  lease.step = step;
  leases_.emplace(id, std::move(lease));
}

void LeaseTable::OnTrainerStarted(const LeaseId& id) {
  if (const auto it = leases_.find(id);
      it != leases_.end() && it->second.phase == HeldLease::PHASE_STARTING) {
    it->second.phase = HeldLease::PHASE_RUNNING;
  }
}

void LeaseTable::OnStep(const LeaseId& id, int64_t step) {
  if (const auto it = leases_.find(id); it != leases_.end()) {
    it->second.step = step;
  }
}

void LeaseTable::OnEnded(const LeaseId& id) {
  if (const auto it = leases_.find(id); it != leases_.end()) {
    it->second.phase = HeldLease::PHASE_FINISHED;
    it->second.terminate_at = it->second.kill_at = absl::InfiniteDuration();
  }
}

void LeaseTable::OnClosed(const LeaseId& id) {
  leases_.erase(id);
  const auto [it, is_new] = closed_.emplace(id.job, id.epoch);
  it->second = std::max(it->second, id.epoch);
  if (is_new) {
    closed_order_.push_back(id.job);
  }
  if (closed_order_.size() > kClosedKept) {
    closed_.erase(closed_order_.front());
    closed_order_.pop_front();
  }
}

int LeaseTable::refused() const {
  return static_cast<int>(std::count_if(leases_.begin(), leases_.end(), [](const auto& entry) {
    return entry.second.phase == HeldLease::PHASE_REJECTED;
  }));
}

bool LeaseTable::idle() const { return refused() == static_cast<int>(leases_.size()); }

std::vector<HeldLease> LeaseTable::Held() const {
  std::vector<HeldLease> held;
  held.reserve(leases_.size());
  for (const auto& [id, lease] : leases_) {
    HeldLease& entry = held.emplace_back();
    entry.set_job(id.job);
    entry.set_lease_epoch(id.epoch);
    entry.set_phase(lease.phase);
    entry.set_step(lease.step);
    entry.set_reason(lease.reason);
  }
  return held;
}

StopKind LeaseTable::stop(const LeaseId& id) const {
  const auto it = leases_.find(id);
  return it == leases_.end() ? StopKind::kNone : it->second.stop;
}

}  // namespace graphkiln::worker
