// The invariants of `service.md` 3.6 that can be seen at an instant, and one of liveness: no job
// waits for a worker that could take it. Tests and the simulator call CheckInvariants after every
// step.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "services/coordinator/core/job_queue_scope.h"
#include "services/coordinator/core/worker_choice.h"

namespace graphkiln::coordinator {
namespace {

absl::Status Violation(std::string_view invariant, std::string_view detail) {
  return absl::InternalError(fmt::format("{}: {}", invariant, detail));
}

}  // namespace

absl::Status JobQueue::CheckJob(const JobRecord& job) {
  const v1::JobState state = job.state();
  const bool needs_lease = state == v1::JOB_STATE_OFFERED || state == v1::JOB_STATE_RUNNING ||
                           state == v1::JOB_STATE_PREEMPTING || state == v1::JOB_STATE_CANCELLING;
  const std::string where = fmt::format("{} {} epoch {}", job.name(), JobRecord::Name(state),
                                        job.current().lease_epoch());
  if (job.leased() != needs_lease) return Violation("I11", where + ": lease and state disagree");
  if (job.leased()) {
    const Lease& lease = *job.lease;
    if (!lease.open()) return Violation("I1", where + ": holds a closed lease");
    if ((lease.state() == Lease::State::kOffered) != (state == v1::JOB_STATE_OFFERED)) {
      return Violation("I1", where + ": offered lease and state disagree");
    }
    if (lease.epoch() != job.current().lease_epoch()) {
      return Violation("I2", where + ": the open lease is not of the current epoch");
    }
    const auto worker = workers_.find(lease.worker());
    if (worker == workers_.end() || !worker->second->jobs.contains(job.uid())) {
      return Violation("I1", where + ": its worker does not know the lease");
    }
    const bool timed = deadlines_.At(TimerKind::kOfferAck, job.uid()).has_value() ||
                       deadlines_.At(TimerKind::kWorkerLost, lease.worker()).has_value();
    if (!timed) return Violation("I5", where + ": no expiry");
    const bool stopping = state == v1::JOB_STATE_PREEMPTING || state == v1::JOB_STATE_CANCELLING;
    if (stopping && !deadlines_.At(TimerKind::kStop, job.uid()).has_value()) {
      return Violation("I5", where + ": a stop order without a deadline");
    }
    if (lease.durable_seq() > lease.accepted_seq()) return Violation("I3", where + ": sequence");
  }
  const bool visible = job.visible() != nullptr;
  if (state == v1::JOB_STATE_QUEUED && visible && !job.in_queue &&
      !deadlines_.At(TimerKind::kHoldBack, job.uid()).has_value()) {
    return Violation("I11", where + ": neither in the queue nor held back");
  }
  if (state != v1::JOB_STATE_QUEUED && job.in_queue) {
    return Violation("I11", where + ": in the queue though it does not wait");
  }
  if (state == v1::JOB_STATE_BACKOFF &&
      !deadlines_.At(TimerKind::kBackoff, job.uid()).has_value()) {
    return Violation("I11", where + ": backs off for ever");
  }
  if (visible && job.visible()->lease_epoch() > job.current().lease_epoch()) {
    return Violation("I2", where + ": an epoch went back");
  }
  if (visible && JobRecord::IsTerminal(job.visible()->state()) && job.visible()->state() != state) {
    return Violation("I4", where + ": left a terminal state");
  }
  if (job.log.durable_seq() > job.log.last_seq()) return Violation("I10", where + ": log");
  return absl::OkStatus();
}

absl::Status JobQueue::CheckInvariants() {
  Scope scope(this);
  int64_t open = 0;
  for (const auto& [uid, job] : jobs_) {
    RETURN_IF_ERROR(CheckJob(*job));
    if (!job->terminal()) ++open;
  }
  if (open != open_jobs_) return Violation("I11", "the count of open jobs is wrong");
  for (const auto& [name, worker] : workers_) {
    for (const std::string& uid : worker->jobs) {
      const JobRecord& job = *jobs_.at(uid);
      if (job.lease == nullptr || job.lease->worker() != name) {
        return Violation("I1", name + ": counts a lease that is not its own");
      }
    }
    for (const auto& [uid, order] : worker->orders) {
      const JobRecord& job = *jobs_.at(uid);
      if (job.visible() == nullptr || job.visible()->lease_epoch() < order.epoch) {
        return Violation("I2", fmt::format("{}: is told epoch {} of {} before it is durable", name,
                                           order.epoch, job.name()));
      }
    }
  }
  // Every entry places what it can on its way out, so nothing placeable is left for this one; what
  // waits for the storage, or for this entry's own deadlines, is still to be placed.
  if (!restored_ || place_ || !StorageHealth().ok()) return absl::OkStatus();
  std::vector<WorkerRecord*> willing;
  for (const auto& [name, worker] : workers_) {
    if (worker->takes_offers() && worker->free_slots() > 0) willing.push_back(worker.get());
  }
  absl::Status stuck;
  pending_.Visit(
      [&](JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        const WorkerRecord* worker = ChooseWorker(job.needs(), job.current().worker(), willing);
        if (worker != nullptr) {
          stuck = Violation("liveness",
                            fmt::format("{} waits though {} is free", job.name(), worker->name()));
        }
        return false;
      },
      [&] { return !stuck.ok(); });
  return stuck;
}

}  // namespace graphkiln::coordinator
