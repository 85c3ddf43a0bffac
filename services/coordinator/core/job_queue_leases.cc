// Leases: offered, taken, ended, lost.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/job_queue_scope.h"
#include "services/coordinator/core/time_proto.h"
#include "services/coordinator/core/worker_choice.h"

namespace graphkiln::coordinator {
namespace {

constexpr absl::Duration kLongestHoldBack = absl::Seconds(30);

}  // namespace

void JobQueue::Place() {
  // An offer needs a write (I2); when the storage is back, the next entry tries again.
  if (!restored_ || !StorageHealth().ok()) return;
  place_ = false;
  if (pending_.size() == 0) return;
  std::vector<WorkerRecord*> workers;
  int64_t free = 0;
  for (const auto& [name, worker] : workers_) {
    if (!worker->takes_offers() || worker->free_slots() < 1) continue;
    workers.push_back(worker.get());
    free += worker->free_slots();
  }
  if (free == 0) return;
  pending_.Visit(
      [&](JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        WorkerRecord* worker = ChooseWorker(job.needs(), job.current().worker(), workers);
        if (worker == nullptr) return false;
        if (!job.refusals.empty()) {
          worker = ChooseWorker(job.needs(), job.current().worker(), workers,
                                [&](const WorkerRecord& one) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
                                  return job.refusals.LeavesOut(one.name(), now_);
                                });
          if (worker == nullptr) {
            HoldBack(job);  // out of the line, so that those behind it are not held up
            return true;
          }
        }
        Offer(job, *worker);
        --free;
        return true;
      },
      [&] { return free <= 0; });
}

void JobQueue::Offer(JobRecord& job, WorkerRecord& worker) {
  metrics_.QueueWait(absl::ToDoubleSeconds(now_ - job.queued_at));
  LeaveQueue(job);
  v1::Job& draft = Edit(job);
  const int64_t epoch = draft.lease_epoch() + 1;
  draft.set_lease_epoch(epoch);
  draft.set_worker(worker.name());
  draft.set_attempts(draft.attempts() + 1);
  // It goes on from its last checkpoint; what came after is trained again.
  const bool resumes = draft.checkpoints_size() > 0;
  const int64_t first_step = resumes ? draft.checkpoints(draft.checkpoints_size() - 1).step() : 0;
  draft.set_step(first_step);
  draft.set_epoch(resumes ? draft.checkpoints(draft.checkpoints_size() - 1).epoch() : 0);
  v1::Attempt& attempt = *draft.add_history();
  attempt.set_lease_epoch(epoch);
  attempt.set_worker(worker.name());
  *attempt.mutable_start_time() = ToProto(wall_);
  attempt.set_first_step(first_step);
  while (draft.history_size() > options_.max_attempts_kept) {
    draft.mutable_history()->DeleteSubrange(0, 1);
  }
  job.lease = std::make_unique<Lease>(epoch, worker.name(), worker.incarnation, now_);
  worker.jobs.insert(job.uid());
  if (worker.free_slots() < 0) GRAPHKILN_BUG("offer.beyond_slots", worker.name());  // I6
  PutLease put;
  put.job_uid = job.uid();
  put.epoch = epoch;
  put.worker = worker.name();
  put.incarnation = worker.incarnation;
  put.state = StoredLeaseState::kOffered;
  put.time = wall_;
  put.registration = worker.registration;
  pipeline_.Stage(std::move(put));
  SetState(job, v1::JOB_STATE_OFFERED, "");
  pipeline_.OnDurable(LeaseDurable{&job, epoch});
  StageOrder(job);
  deadlines_.Set(TimerKind::kOfferAck, job.uid(), now_ + options_.offer_ack);
}

void JobQueue::HoldBack(JobRecord& job) {
  pending_.Remove(job);
  job.hold_reason = job.current().reason();
  // Not longer than this, as another worker may have come.
  deadlines_.Set(TimerKind::kHoldBack, job.uid(),
                 std::min(job.refusals.NextReturn(now_), now_ + kLongestHoldBack));
}

void JobQueue::RefuseOffer(JobRecord& job, Lease::State state, std::string reason) {
  const std::string name = job.lease->worker();
  CloseLease(job, state, reason);
  // An offer that a silent worker could not hear of says nothing about the job.
  const auto worker = workers_.find(name);
  const bool silent =
      worker == workers_.end() || worker->second->state() == WorkerRecord::State::kSuspect;
  if (!silent) job.refusals.Add(name, now_, options_.reject_pause, options_.reject_pause_most);
  if (job.refusals.total() >= options_.max_refused_offers) {
    EndJob(job, v1::JOB_STATE_FAILED,
           fmt::format("OFFERS_REFUSED: {} offers were not taken, the last by {}: {}",
                       job.refusals.total(), name, reason));
    return;
  }
  Requeue(job, std::move(reason));
}

WorkerOrder JobQueue::OrderOf(const JobRecord& job) {
  WorkerOrder order;
  order.epoch = job.lease->epoch();
  order.grace = options_.stop_grace;
  switch (job.state()) {
    case v1::JOB_STATE_PREEMPTING:
      order.action = worker::v1::LeaseOrder::ACTION_CHECKPOINT_AND_STOP;
      order.grace = job.stop_grace;
      break;
    case v1::JOB_STATE_CANCELLING:
      order.action = worker::v1::LeaseOrder::ACTION_STOP;
      order.grace = job.stop_grace;
      break;
    default:
      order.action = job.current().intent() == v1::JOB_INTENT_STOP
                         ? worker::v1::LeaseOrder::ACTION_FINISH_EARLY
                         : worker::v1::LeaseOrder::ACTION_RUN;
  }
  return order;
}

void JobQueue::StageOrder(JobRecord& job) {
  if (job.lease == nullptr) return;
  pipeline_.OnDurable(TellWorker{job.lease->worker(), job.uid(), OrderOf(job)});
}

void JobQueue::Activate(JobRecord& job) {
  if (!job.lease->TransitionTo(Lease::State::kActive, now_)) return;
  metrics_.LeaseTransition("OFFERED", "ACTIVE");
  metrics_.Startup("dispatch", absl::ToDoubleSeconds(now_ - job.lease->durable_at()));
  deadlines_.Cancel(TimerKind::kOfferAck, job.uid());
  job.refusals.Clear();
  PutLease put;
  put.job_uid = job.uid();
  put.epoch = job.lease->epoch();
  put.worker = job.lease->worker();
  put.incarnation = job.lease->incarnation();
  put.state = StoredLeaseState::kActive;
  put.time = wall_;
  pipeline_.Stage(std::move(put));
  if (!job.current().has_start_time()) *Edit(job).mutable_start_time() = ToProto(wall_);
  SetState(job, v1::JOB_STATE_RUNNING, "");
}

void JobQueue::CloseLease(JobRecord& job, Lease::State state, std::string outcome) {
  Lease& lease = *job.lease;
  const Lease::State from = lease.state();
  if (!lease.TransitionTo(state, now_)) return;
  metrics_.LeaseTransition(Lease::Name(from), Lease::Name(state));
  if (from == Lease::State::kActive) {
    metrics_.RunSeconds(absl::ToDoubleSeconds(now_ - lease.active_at()));
  }
  deadlines_.Cancel(TimerKind::kOfferAck, job.uid());
  deadlines_.Cancel(TimerKind::kStop, job.uid());
  v1::Job& draft = Edit(job);
  if (draft.history_size() > 0) {
    v1::Attempt& attempt = *draft.mutable_history(draft.history_size() - 1);
    *attempt.mutable_end_time() = ToProto(wall_);
    attempt.set_outcome(outcome);
  }
  job.must_store = true;
  PutLease put;
  put.job_uid = job.uid();
  put.epoch = lease.epoch();
  put.worker = lease.worker();
  put.incarnation = lease.incarnation();
  put.state = StoredLeaseState::kClosed;
  put.outcome = fmt::format("{}: {}", Lease::Name(state), outcome);
  put.time = wall_;
  pipeline_.Stage(std::move(put));
  pipeline_.OnDurable(TellNothing{lease.worker(), job.uid(), lease.epoch()});
  if (const auto it = workers_.find(lease.worker()); it != workers_.end()) {
    it->second->jobs.erase(job.uid());
  }
  job.lease.reset();
  place_ = true;
}

void JobQueue::Requeue(JobRecord& job, std::string reason) {
  const bool pause = job.current().intent() == v1::JOB_INTENT_PAUSE;
  if (pause && job.state() == v1::JOB_STATE_PREEMPTING) {
    SetState(job, v1::JOB_STATE_PAUSED, std::move(reason));
    return;
  }
  SetState(job, v1::JOB_STATE_QUEUED, reason);
  if (pause) {
    SetState(job, v1::JOB_STATE_PAUSED, std::move(reason));
  } else {
    EnterQueue(job);
  }
}

void JobQueue::LoseLease(JobRecord& job, std::string reason) {
  const bool was_active = job.lease->state() == Lease::State::kActive;
  KILN_INFO("{}: lease {} lost: {}", job.name(), job.lease->epoch(), reason);
  CloseLease(job, Lease::State::kExpired, reason);
  if (job.state() == v1::JOB_STATE_CANCELLING) {
    EndJob(job, v1::JOB_STATE_CANCELLED, "CANCELLED: by the user; its worker was lost");
    return;
  }
  // An offer that was never taken, and a job that was asked to go, cost no retry.
  if (was_active && job.state() == v1::JOB_STATE_RUNNING) {
    const int32_t lost = ++job.internals.infra_failures;
    if (lost > job.max_retries().value_or(options_.max_retries)) {
      EndJob(job, v1::JOB_STATE_FAILED, fmt::format("{}; {} leases lost", reason, lost));
      return;
    }
  }
  Requeue(job, std::move(reason));
}

void JobQueue::FailOrRetry(JobRecord& job, std::string reason) {
  const int32_t failures = ++job.internals.infra_failures;
  if (failures > job.max_retries().value_or(options_.max_retries)) {
    EndJob(job, v1::JOB_STATE_FAILED, fmt::format("{} ({} attempts failed)", reason, failures));
    return;
  }
  if (job.state() == v1::JOB_STATE_PREEMPTING) {
    Requeue(job, std::move(reason));
    return;
  }
  SetState(job, v1::JOB_STATE_BACKOFF, std::move(reason));
  absl::Duration wait = options_.backoff_first;
  for (int i = 1; i < failures && wait < options_.backoff_most; ++i) wait *= 2;
  deadlines_.Set(TimerKind::kBackoff, job.uid(), now_ + std::min(wait, options_.backoff_most));
}

void JobQueue::BeginStop(JobRecord& job, absl::Duration grace) {
  job.stop_grace = grace;
  ArmStop(job);  // again when the order is durable
  Edit(job);     // so that the order leaves in a batch with the job's row
  job.must_store = true;
  StageOrder(job);
}

void JobQueue::ArmStop(const JobRecord& job) {
  if (job.lease == nullptr ||
      (job.state() != v1::JOB_STATE_PREEMPTING && job.state() != v1::JOB_STATE_CANCELLING)) {
    return;
  }
  deadlines_.Set(TimerKind::kStop, job.uid(), now_ + job.stop_grace + options_.stop_unacknowledged);
}

void JobQueue::Preempt(JobRecord& job, std::string reason) {
  SetState(job, v1::JOB_STATE_PREEMPTING, std::move(reason));
  BeginStop(job, options_.stop_grace);
}

void JobQueue::FireStop(JobRecord& job) {
  if (job.lease == nullptr) return;
  constexpr std::string_view kReason = "STOP_UNACKNOWLEDGED: the worker did not obey a stop order";
  const auto it = workers_.find(job.lease->worker());
  const bool known = it != workers_.end();
  const auto order = known ? it->second->orders.find(job.uid()) : WorkerRecord::Orders::iterator();
  const bool told = known && order != it->second->orders.end() &&
                    order->second.epoch == job.lease->epoch() && order->second.IsStop();
  // Nobody disobeys an order that was never sent, or was masked while the storage was away (I8);
  // and a lease that reports its end has obeyed, its FinishLease is under way.
  if (!Authoritative() || !told || job.lease->ending()) return ArmStop(job);
  SetWorkerState(*it->second, WorkerRecord::State::kQuarantined, std::string(kReason));
  CloseLease(job, Lease::State::kRevoked, std::string(kReason));
  if (job.state() == v1::JOB_STATE_CANCELLING) {
    EndJob(job, v1::JOB_STATE_CANCELLED, "CANCELLED: by the user; the worker did not confirm");
  } else {
    Requeue(job, std::string(kReason));
  }
}

absl::Status JobQueue::CheckFence(const JobRecord& job, int64_t epoch, std::string_view name) {
  if (job.lease == nullptr || !job.lease->open()) {
    metrics_.LeaseFencedWrite();
    return FencedError(name, epoch, "the job has no open lease");
  }
  if (job.lease->epoch() != epoch) {
    metrics_.LeaseFencedWrite();
    return FencedError(name, epoch, fmt::format("lease {} is the current one", job.lease->epoch()));
  }
  return absl::OkStatus();
}

}  // namespace graphkiln::coordinator
