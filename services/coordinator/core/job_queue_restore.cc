// Start: take over what the store holds. Leases go on; the first report of each worker decides.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/job_order.h"
#include "services/coordinator/core/job_queue_scope.h"
#include "services/coordinator/core/names.h"
#include "services/coordinator/core/progress.h"
#include "services/coordinator/core/time_proto.h"

namespace graphkiln::coordinator {

void JobQueue::Index(std::unique_ptr<JobRecord> job) {
  jobs_by_name_[job->name()] = job.get();
  jobs_by_project_[job->project()].emplace(job->internals.create_index, job.get());
  next_create_index_ = std::max(next_create_index_, job->internals.create_index + 1);
  metrics_.AddJobs(JobRecord::Name(job->state()), job->queue(), 1);
  if (!job->terminal()) {
    CountOpen(*job, 1);
    ++programs_[job->internals.program].users;
  }
  ReferArtifactsOf(*job);
  std::string uid = job->uid();
  jobs_.emplace(std::move(uid), std::move(job));
}

absl::Status JobQueue::Restore(LoadedState state) {
  Scope scope(this);
  if (restored_) return absl::FailedPreconditionError("restored already");
  generation_ = state.generation;
  log_generation_ = state.log_generation;
  sealer_ = std::make_unique<TokenSealer>(std::move(state.token_key));
  for (LoadedProgram& program : state.programs) {
    programs_[program.sha256] = {std::move(program.bytes), 0, true};
  }
  for (PutWorker& worker : state.workers) operator_wishes_[worker.name] = worker;
  std::sort(state.request_ids.begin(), state.request_ids.end(),
            [](const PutIdempotency& a, const PutIdempotency& b) { return a.time < b.time; });
  for (PutIdempotency& entry : state.request_ids) {
    request_ids_.Add(std::move(entry), wall_ - options_.request_id_life,
                     static_cast<size_t>(options_.max_request_ids));
  }

  absl::flat_hash_map<std::string, LoadedEvents*> tails;
  for (LoadedEvents& events : state.events) tails[events.job_uid] = &events;
  absl::flat_hash_map<std::string, const LoadedLease*> leases;
  for (const LoadedLease& lease : state.open_leases) leases[lease.job_uid] = &lease;

  std::vector<JobRecord*> open;
  for (LoadedJob& loaded : state.jobs) {
    v1::JobSpec spec;
    if (!spec.ParseFromString(*loaded.spec)) {
      return absl::DataLossError(fmt::format("the spec of {} is damaged", loaded.job->name()));
    }
    ASSIGN_OR_RETURN(const ResourceName name, ParseResourceName("jobs", loaded.job->name()));
    auto record = std::make_unique<JobRecord>(name.project, loaded.job, std::move(loaded.spec),
                                              spec, std::move(loaded.internals));
    JobRecord& job = *record;
    job.Show(job.latest());
    std::vector<EventLog::EventPtr> tail;
    if (const auto it = tails.find(job.uid()); it != tails.end())
      tail = std::move(it->second->tail);
    const int64_t stored_seq = job.internals.last_seq;
    Index(std::move(record));
    if (!job.terminal()) {
      // Progress is stored now and then only; the events after it tell the rest.
      for (const EventLog::EventPtr& event : tail) {
        if (event->seq() > stored_seq) ApplyProgress(*event, Edit(job));
      }
      open.push_back(&job);
    }
    job.log.Restore(stored_seq, std::move(tail));
  }

  const absl::Duration hold = std::max(options_.recovery_hold, options_.lease_ttl);
  for (JobRecord* job : open) {
    // The order of the queue goes on: how long it has waited counts, as far as wall time tells.
    const absl::Duration waited = std::max(wall_ - job->internals.queue_time, absl::ZeroDuration());
    const auto it = leases.find(job->uid());
    if (it != leases.end()) {
      const LoadedLease& stored = *it->second;
      WorkerRecord& worker = AddWorker(stored.worker);
      job->lease = std::make_unique<Lease>(stored.epoch, stored.worker, stored.incarnation, now_);
      job->lease->set_durable(now_);
      job->lease->set_accepted_seq(stored.last_worker_seq);
      job->lease->set_durable_seq(stored.last_worker_seq);
      if (stored.state == StoredLeaseState::kActive) {
        job->lease->TransitionTo(Lease::State::kActive, now_);
      }
      job->stop_grace = options_.stop_grace;
      const RegistrationRank rank = RegistrationRank::Of(stored.registration);
      if (worker.incarnation.empty() || rank > worker.rank) {
        worker.incarnation = stored.incarnation;
        worker.rank = rank;
      }
      worker.jobs.insert(job->uid());
      deadlines_.Set(TimerKind::kWorkerLost, stored.worker, now_ + hold);
      if (job->lease->state() == Lease::State::kOffered) {
        deadlines_.Set(TimerKind::kOfferAck, job->uid(), now_ + hold);
      }
      if (job->state() == v1::JOB_STATE_PREEMPTING || job->state() == v1::JOB_STATE_CANCELLING) {
        deadlines_.Set(TimerKind::kStop, job->uid(),
                       now_ + hold + job->stop_grace + options_.stop_unacknowledged);
      }
      worker.orders[job->uid()] = OrderOf(*job);  // it is durable already
      continue;
    }
    switch (job->state()) {
      case v1::JOB_STATE_QUEUED:
        job->queued_at = now_ - waited;
        pending_.Add(*job,
                     JobOrderKey(job->queued_at, job->priority(), options_.age_per_priority_point));
        break;
      case v1::JOB_STATE_BACKOFF:
        deadlines_.Set(TimerKind::kBackoff, job->uid(), now_ + options_.backoff_first);
        break;
      case v1::JOB_STATE_PAUSED:
        break;
      case v1::JOB_STATE_CANCELLING:
        GRAPHKILN_BUG("restore.unleased", job->name());
        EndJob(*job, v1::JOB_STATE_CANCELLED, "CANCELLED: by the user");
        break;
      default:
        // Lease and state are written in one transaction, so this cannot be; the job goes on.
        GRAPHKILN_BUG("restore.unleased", job->name());
        Requeue(*job, "RESTORED: its lease was gone");
    }
  }
  restored_ = true;
  place_ = true;
  KILN_INFO("restored {} jobs, {} open, {} leases, generation {}", jobs_.size(), open.size(),
            state.open_leases.size(), generation_);
  return absl::OkStatus();
}

}  // namespace graphkiln::coordinator
