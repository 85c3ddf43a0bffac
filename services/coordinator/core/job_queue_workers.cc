// The worker protocol's control side: full state in, full wish out.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/job_queue_scope.h"
#include "services/coordinator/core/names.h"
#include "services/coordinator/core/text.h"
#include "services/coordinator/core/time_proto.h"

namespace graphkiln::coordinator {
namespace {

using worker::v1::ConnectRequest;
using worker::v1::ConnectResponse;
using worker::v1::HeldLease;
using worker::v1::LeaseOrder;
using worker::v1::LeaseSpec;
using worker::v1::WorkerStatus;

constexpr size_t kMostIncarnationBytes = 128;
constexpr size_t kMostReasonBytes = 1'024;
constexpr absl::Duration kForgetLostAfter = absl::Hours(1);

}  // namespace

struct JobQueue::WishParts {
  struct Spec {
    int order = 0;  // index in response.orders
    std::shared_ptr<const v1::Job> job;
    std::shared_ptr<const std::string> spec;
    std::shared_ptr<const std::string> program;
  };
  ConnectResponse response;
  std::vector<Spec> specs;

  /// Parses what the orders carry; without the lock, as a program may be megabytes.
  ConnectResponse Compose() && {
    for (const Spec& part : specs) {
      LeaseSpec& spec = *response.mutable_orders(part.order)->mutable_spec();
      if (!spec.mutable_job()->ParseFromString(*part.spec) ||
          !spec.mutable_ir()->ParseFromString(*part.program)) {
        GRAPHKILN_BUG("order.spec", part.job->name());
      }
      if (part.job->checkpoints_size() > 0) {
        *spec.mutable_resume_from() = part.job->checkpoints(part.job->checkpoints_size() - 1);
      }
      spec.set_attempt(part.job->attempts());
      spec.set_graph_hash(part.job->graph_hash());
    }
    return std::move(response);
  }
};

bool JobQueue::Authoritative() { return restored_ && StorageHealth().ok(); }

JobQueue::WishParts JobQueue::Wish(const WorkerRecord& worker, uint64_t in_reply_to) {
  WishParts wish;
  ConnectResponse& response = wish.response;
  response.set_registration(worker.registration);
  response.set_coordinator_generation(generation_);
  response.set_in_reply_to(in_reply_to);
  *response.mutable_report_interval() = ToProto(options_.report_interval);
  *response.mutable_lease_ttl() = ToProto(options_.lease_ttl);
  const bool authoritative = Authoritative();
  response.set_authoritative(authoritative);
  for (const auto& [uid, wanted] : worker.orders) {
    const JobRecord& job = *jobs_.at(uid);
    LeaseOrder& order = *response.add_orders();
    order.set_job(job.name());
    order.set_lease_epoch(wanted.epoch);
    // While the storage is away nothing is stopped (I8), and the time to obey does not run.
    order.set_action(authoritative ? wanted.action : LeaseOrder::ACTION_RUN);
    if (!authoritative && wanted.IsStop()) ArmStop(job);
    *order.mutable_grace() = ToProto(wanted.grace);
    const bool open = job.lease != nullptr && job.lease->epoch() == wanted.epoch;
    if (!open || job.lease->reported()) continue;
    const auto program = programs_.find(job.internals.program);
    if (program == programs_.end()) {
      GRAPHKILN_BUG("order.program", job.name());
      continue;
    }
    wish.specs.push_back(
        {response.orders_size() - 1, job.visible(), job.spec_bytes(), program->second.bytes});
  }
  return wish;
}

absl::StatusOr<ConnectResponse> JobQueue::Report(const ConnectRequest& request) {
  ASSIGN_OR_RETURN(const std::string name, CanonicalWorkerName(request.worker()));
  if (request.incarnation().empty() || request.incarnation().size() > kMostIncarnationBytes) {
    return FieldError("incarnation", "is missing or too long");
  }
  if (request.held_size() > options_.max_held_leases) {
    return FieldError("held", fmt::format("has {} leases; at most {} are taken",
                                          request.held_size(), options_.max_held_leases));
  }
  if (request.has_inventory() &&
      (request.inventory().slots() < 0 || request.inventory().slots() > options_.max_held_leases)) {
    return FieldError("inventory.slots", "is out of range");
  }
  WishParts wish;
  {
    Scope scope(this);
    ASSIGN_OR_RETURN(WorkerRecord * worker, Register(request, name));
    Flush();
    wish = Wish(*worker, request.report_seq());
  }
  return std::move(wish).Compose();
}

absl::StatusOr<ConnectResponse> JobQueue::OrdersFor(std::string_view worker_name) {
  ASSIGN_OR_RETURN(const std::string name, CanonicalWorkerName(worker_name));
  WishParts wish;
  {
    Scope scope(this);
    ASSIGN_OR_RETURN(const WorkerRecord* worker, RequireWorker(name));
    if (!worker->reported()) return NotFoundError("registered worker", name);
    wish = Wish(*worker, 0);
  }
  return std::move(wish).Compose();
}

WorkerRecord& JobQueue::AddWorker(const std::string& name) {
  auto& slot = workers_[name];
  if (slot == nullptr) {
    slot = std::make_unique<WorkerRecord>(name);
    metrics_.AddWorkers(WorkerRecord::Name(slot->state()), 1);
    if (const auto wish = operator_wishes_.find(name); wish != operator_wishes_.end()) {
      slot->cordoned = wish->second.cordoned;
      slot->drained = wish->second.drained;
    }
  }
  return *slot;
}

absl::StatusOr<WorkerRecord*> JobQueue::Register(const ConnectRequest& request,
                                                 const std::string& name) {
  const auto known = workers_.find(name);
  if (known == workers_.end() && static_cast<int64_t>(workers_.size()) >= options_.max_workers) {
    return MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUOTA_EXCEEDED,
                     fmt::format("there are {} workers, the most that are taken", workers_.size()));
  }
  const bool first = known == workers_.end() || !known->second->reported() ||
                     known->second->incarnation != request.incarnation();
  if (known != workers_.end() && first) {
    const WorkerRecord& present = *known->second;
    // An old process: known to be closed, or registered before the present one (I7). After a
    // restart the incarnation of the stored leases is the present one.
    const bool other = !present.incarnation.empty() && present.incarnation != request.incarnation();
    const bool earlier = !request.registration().empty() &&
                         RegistrationRank::Of(request.registration()) <= present.rank;
    const bool old = other && (present.superseded(request.incarnation()) || earlier);
    if (old) {
      return MakeError(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_SUPERSEDED,
                       fmt::format("a newer process has registered as {}", name));
    }
  }
  WorkerRecord& worker = AddWorker(name);
  if (first) {
    // A process that outlives the coordinator keeps its place among those of its name.
    const bool keeps = RegistrationRank::Of(request.registration()) > RegistrationRank();
    const RegistrationRank next{generation_, ++registrations_};
    worker.StartIncarnation(
        request.incarnation(),
        keeps ? request.registration() : next.Registration(NewUid(random_).substr(0, 16)));
    if (worker.state() != WorkerRecord::State::kConnecting) {
      SetWorkerState(worker, WorkerRecord::State::kConnecting, "");
    }
    KILN_INFO("{} has registered", name);
  }
  const bool newer = first || request.report_seq() > worker.report_seq;
  if (newer) {
    worker.report_seq = request.report_seq();
    worker.last_report = now_;
    worker.last_report_wall = wall_;
    worker.stream_broken = false;
    if (request.has_inventory()) worker.inventory = request.inventory();
    worker.status = request.status();
    deadlines_.Set(TimerKind::kWorkerSuspect, name, now_ + options_.suspect_after);
    deadlines_.Set(TimerKind::kWorkerLost, name, now_ + options_.lease_ttl);
    deadlines_.Cancel(TimerKind::kWorkerForget, name);
    Reconcile(worker, request, first);
    UpdateWorkerState(worker);
    if (worker.takes_offers() && worker.free_slots() > 0) place_ = true;
  }
  return &worker;
}

void JobQueue::Reconcile(WorkerRecord& worker, const ConnectRequest& request,
                         bool new_incarnation) {
  StringMap<const HeldLease*> held;
  for (const HeldLease& lease : request.held()) {
    // Of several entries of one job the newest epoch counts.
    const HeldLease*& entry = held[lease.job()];
    if (entry == nullptr || entry->lease_epoch() < lease.lease_epoch()) entry = &lease;
  }
  const std::vector<std::string> uids(worker.jobs.begin(), worker.jobs.end());
  for (const std::string& uid : uids) {
    JobRecord& job = *jobs_.at(uid);
    const auto entry = held.find(job.name());
    if (entry != held.end() && entry->second->lease_epoch() == job.lease->epoch()) {
      if (entry->second->phase() != HeldLease::PHASE_REJECTED) {
        job.lease->set_reported(entry->second->phase() == HeldLease::PHASE_FINISHED);
        if (job.lease->state() == Lease::State::kOffered) Activate(job);
        continue;
      }
      if (job.lease->state() != Lease::State::kOffered) {
        LoseLease(job, "LEASE_REJECTED: the worker gave up a lease that it had taken");
        continue;
      }
      RefuseOffer(job, Lease::State::kRejected,
                  fmt::format("LEASE_REJECTED: {}",
                              TruncateUtf8(entry->second->reason(), kMostReasonBytes)));
    } else if (new_incarnation) {
      // The first report is the truth about what went before.
      LoseLease(job, "WORKER_RESTARTED: the worker no longer has the lease");
    } else if (job.lease->reported()) {
      LoseLease(job, "LEASE_LOST: the worker no longer has the lease");
    }
  }
  // What it still runs though it should not occupies a slot until it is gone.
  int32_t running = 0;
  for (const auto& [name, lease] : held) {
    if (lease->phase() != HeldLease::PHASE_FINISHED &&
        lease->phase() != HeldLease::PHASE_REJECTED) {
      const JobRecord* job = FindJob(name);
      const bool ours = job != nullptr && job->lease != nullptr &&
                        job->lease->epoch() == lease->lease_epoch() &&
                        job->lease->worker() == worker.name();
      if (!ours) ++running;
    }
  }
  worker.leftovers = running;
}

void JobQueue::SetWorkerState(WorkerRecord& worker, WorkerRecord::State state, std::string reason) {
  worker.reason = std::move(reason);
  if (worker.state() == state) return;
  const WorkerRecord::State from = worker.state();
  if (!worker.TransitionTo(state)) return;
  metrics_.AddWorkers(WorkerRecord::Name(from), -1);
  metrics_.AddWorkers(WorkerRecord::Name(state), 1);
}

void JobQueue::UpdateWorkerState(WorkerRecord& worker) {
  using State = WorkerRecord::State;
  if (worker.state() == State::kQuarantined) return;
  if (worker.state() == State::kLost || worker.state() == State::kGone) {
    SetWorkerState(worker, State::kConnecting, "");
  }
  if (worker.status.state() == WorkerStatus::STATE_UNHEALTHY) {
    SetWorkerState(
        worker, State::kSuspect,
        fmt::format("UNHEALTHY: {}", TruncateUtf8(worker.status.reason(), kMostReasonBytes)));
    return;
  }
  const bool leaving = worker.status.state() == WorkerStatus::STATE_DRAINING;
  if (!leaving) deadlines_.Cancel(TimerKind::kWorkerDrain, worker.name());
  if (leaving || worker.drained) {
    if (leaving && !deadlines_.At(TimerKind::kWorkerDrain, worker.name()).has_value() &&
        worker.state() != State::kDraining) {
      deadlines_.Set(TimerKind::kWorkerDrain, worker.name(), now_ + options_.drain_deadline);
    }
    SetWorkerState(worker, State::kDraining,
                   leaving ? worker.status.reason() : "DRAINED: by an operator");
    return;
  }
  SetWorkerState(worker, State::kActive, "");
}

void JobQueue::StreamClosed(std::string_view worker_name, std::string_view incarnation) {
  const absl::StatusOr<std::string> name = CanonicalWorkerName(worker_name);
  if (!name.ok()) return;
  Scope scope(this);
  const auto it = workers_.find(*name);
  if (it == workers_.end() || it->second->incarnation != incarnation) return;
  it->second->stream_broken = true;
  if (it->second->state() == WorkerRecord::State::kActive ||
      it->second->state() == WorkerRecord::State::kDraining) {
    SetWorkerState(*it->second, WorkerRecord::State::kSuspect, "DISCONNECTED: its stream broke");
  }
}

void JobQueue::LoseWorker(WorkerRecord& worker, std::string reason) {
  using State = WorkerRecord::State;
  if (worker.state() == State::kActive) SetWorkerState(worker, State::kSuspect, reason);
  if (worker.state() == State::kDraining) {
    SetWorkerState(worker, State::kGone, reason);
  } else if (worker.state() != State::kQuarantined && worker.state() != State::kGone) {
    SetWorkerState(worker, State::kLost, reason);
  }
  deadlines_.Cancel(TimerKind::kWorkerSuspect, worker.name());
  deadlines_.Cancel(TimerKind::kWorkerDrain, worker.name());
  deadlines_.Set(TimerKind::kWorkerForget, worker.name(), now_ + kForgetLostAfter);
  const std::vector<std::string> uids(worker.jobs.begin(), worker.jobs.end());
  for (const std::string& uid : uids) LoseLease(*jobs_.at(uid), reason);
}

void JobQueue::ForgetWorker(const std::string& name) {
  const auto it = workers_.find(name);
  if (it == workers_.end()) return;
  if (!it->second->jobs.empty() || !it->second->orders.empty()) {
    // Its closed leases are not durable yet (the storage is away).
    deadlines_.Set(TimerKind::kWorkerForget, name, now_ + kForgetLostAfter);
    return;
  }
  metrics_.AddWorkers(WorkerRecord::Name(it->second->state()), -1);
  workers_.erase(it);
}

uint64_t JobQueue::AddOrdersListener(std::string_view worker, std::function<void()> listener) {
  const absl::StatusOr<std::string> name = CanonicalWorkerName(worker);
  MutexLock lock(&mu_);
  const uint64_t id = next_listener_++;
  if (name.ok()) orders_listeners_[id] = OrdersListener{*name, std::move(listener)};
  return id;
}

void JobQueue::RemoveOrdersListener(uint64_t id) {
  MutexLock lock(&mu_);
  orders_listeners_.erase(id);
}

}  // namespace graphkiln::coordinator
