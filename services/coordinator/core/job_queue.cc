// Scope, commits and deadlines: how every entry begins and ends.
#include "services/coordinator/core/job_queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/job_queue_scope.h"
#include "services/coordinator/core/pending_reason.h"
#include "services/coordinator/core/time_proto.h"

namespace graphkiln::coordinator {

JobQueue::JobQueue(CoreOptions options, Environment environment)
    : options_(options),
      clock_(*environment.clock),
      random_(*environment.random),
      journal_(*environment.journal),
      history_(*environment.history),
      metrics_(*environment.metrics) {}

JobQueue::~JobQueue() = default;

void JobQueue::ReadClock() {
  const absl::Duration before = now_;
  now_ = clock_.Monotonic();
  wall_ = clock_.Now();
  // Stopped, swapped out or on a paused machine: what workers have said meanwhile is still to be
  // read, so the time counts against nobody.
  if (now_ - before > options_.stall_after) deadlines_.PutOffSilence(now_ - before);
}

absl::Duration JobQueue::NextWake() {
  const absl::Duration next = deadlines_.Next();
  return workers_.empty() ? next : std::min(next, now_ + options_.heartbeat);
}

void JobQueue::RunDeadlines() {
  while (std::optional<Timer> timer = deadlines_.PopExpired(now_)) FireTimer(*timer);
}

void JobQueue::FireTimer(const Timer& timer) {
  switch (timer.kind) {
    case TimerKind::kOfferAck:
    case TimerKind::kStop:
    case TimerKind::kBackoff:
    case TimerKind::kHoldBack: {
      const auto it = jobs_.find(timer.key);
      if (it == jobs_.end()) return;
      JobRecord& job = *it->second;
      if (timer.kind == TimerKind::kOfferAck) {
        if (job.lease == nullptr || job.lease->state() != Lease::State::kOffered) return;
        if (!job.lease->durable()) {  // the offer has not left; the worker cannot know it
          deadlines_.Set(TimerKind::kOfferAck, timer.key, now_ + options_.offer_ack);
          return;
        }
        RefuseOffer(job, Lease::State::kExpired,
                    "OFFER_TIMEOUT: the worker did not take the offer");
      } else if (timer.kind == TimerKind::kStop) {
        FireStop(job);
      } else if (timer.kind == TimerKind::kBackoff) {
        if (job.state() != v1::JOB_STATE_BACKOFF) return;
        SetState(job, v1::JOB_STATE_QUEUED, job.current().reason());
        EnterQueue(job);
      } else if (job.state() == v1::JOB_STATE_QUEUED && !job.in_queue) {
        job.hold_reason.clear();
        EnterQueue(job);
      }
      return;
    }
    case TimerKind::kWorkerSuspect:
    case TimerKind::kWorkerLost:
    case TimerKind::kWorkerDrain:
    case TimerKind::kWorkerForget: {
      const auto it = workers_.find(timer.key);
      if (it == workers_.end()) return;
      WorkerRecord& worker = *it->second;
      if (timer.kind == TimerKind::kWorkerSuspect) {
        if (worker.state() == WorkerRecord::State::kActive ||
            worker.state() == WorkerRecord::State::kDraining) {
          SetWorkerState(worker, WorkerRecord::State::kSuspect, "SILENT: no report for a while");
        }
      } else if (timer.kind == TimerKind::kWorkerLost) {
        LoseWorker(worker, "WORKER_LOST: the worker fell silent");
      } else if (timer.kind == TimerKind::kWorkerDrain) {
        PreemptAll(worker, "WORKER_DRAINING: the worker is going out of service");
      } else {
        ForgetWorker(timer.key);
      }
      return;
    }
  }
}

void JobQueue::Flush() {
  if (place_) Place();
  // StageJob edits nothing, so the list does not grow here.
  for (JobRecord* job : dirty_) StageJob(*job);
  dirty_.clear();
  if (!pipeline_.empty()) Send(/*refusable=*/false);
}

void JobQueue::Send(bool refusable) {
  const uint64_t id = pipeline_.next_id();
  CommitBatch batch;
  batch.mutations = pipeline_.Seal();
  batch.refusable = refusable;
  batch.done = [this, id](absl::Status status) { OnCommitted(id, std::move(status)); };
  journal_.Commit(std::move(batch));
}

void JobQueue::OnCommitted(uint64_t id, absl::Status status) {
  std::vector<std::function<void(absl::Status)>> after;
  {
    Scope scope(this);
    SentBatch batch = pipeline_.Finish(id);
    bool refused_submit = false;
    for (const Effect& effect : batch.effects) {
      if (std::holds_alternative<AcceptJob>(effect)) refused_submit = !status.ok();
    }
    if (!status.ok() && !refused_submit) {
      // Nothing of it may become visible, now or later. A store that is closing while its disk
      // refuses gives up; any other refusal means that someone else has taken the store over.
      broken_ = true;
      if (ReasonOf(status) == v1::ERROR_REASON_STORAGE_UNAVAILABLE) {
        KILN_WARN("not stored: {}", MessageOf(status));
      } else {
        GRAPHKILN_BUG("journal.refused", fmt::format("batch {}: {}", id, MessageOf(status)));
      }
    }
    for (const Effect& effect : batch.effects) {
      // The first effect of a refused submit removes the job that the others speak of.
      if (status.ok() || std::holds_alternative<AcceptJob>(effect)) Apply(effect, status);
    }
    after = std::move(batch.after);
  }
  for (const auto& call : after) call(status);
}

void JobQueue::Apply(const Effect& effect, const absl::Status& status) {
  if (const auto* accept = std::get_if<AcceptJob>(&effect)) {
    if (status.ok()) {
      Accept(*accept->job);
    } else {
      Forget(*accept->job);
    }
  } else if (const auto* show = std::get_if<ShowJob>(&effect)) {
    show->job->Show(show->contents);
    if (JobRecord::IsTerminal(show->contents->state())) {
      // Its history is in the store now; readers go there.
      if (show->job->watchers.empty()) show->job->log.DropRing();
      NotifyWatchers(*show->job);
    }
  } else if (const auto* events = std::get_if<ShowEvents>(&effect)) {
    ShowProgress(*events->job, *events);
  } else if (const auto* durable = std::get_if<LeaseDurable>(&effect)) {
    JobRecord& job = *durable->job;
    if (job.lease == nullptr || job.lease->epoch() != durable->epoch) return;
    job.lease->set_durable(now_);
    metrics_.Startup("schedule", absl::ToDoubleSeconds(now_ - job.queued_at));
    if (job.lease->state() == Lease::State::kOffered) {
      deadlines_.Set(TimerKind::kOfferAck, job.uid(), now_ + options_.offer_ack);
    }
  } else if (const auto* tell = std::get_if<TellWorker>(&effect)) {
    const auto it = workers_.find(tell->worker);
    if (it == workers_.end()) return;
    WorkerOrder& order = it->second->orders[tell->job_uid];
    if (order.epoch > tell->order.epoch) return;
    order = tell->order;
    // The time to obey begins when the worker may be told.
    if (const auto job = jobs_.find(tell->job_uid); job != jobs_.end()) ArmStop(*job->second);
    NotifyOrders(*it->second);
  } else if (const auto* nothing = std::get_if<TellNothing>(&effect)) {
    const auto it = workers_.find(nothing->worker);
    if (it == workers_.end()) return;
    const auto order = it->second->orders.find(nothing->job_uid);
    if (order == it->second->orders.end() || order->second.epoch != nothing->epoch) return;
    it->second->orders.erase(order);
    NotifyOrders(*it->second);
  } else if (const auto* release = std::get_if<ReleaseArtifacts>(&effect)) {
    std::vector<std::string> unused;
    for (const std::string& sha256 : release->sha256) {
      if (UnreferArtifact(sha256)) unused.push_back(sha256);
    }
    if (released_listener_ == nullptr || unused.empty()) return;
    RunSoon([listener = released_listener_, unused = std::move(unused)] { listener(unused); });
  }
}

void JobQueue::ShowProgress(JobRecord& job, const ShowEvents& shown) {
  job.log.SetDurable(shown.seq);
  if (job.lease != nullptr && shown.epoch == job.lease->epoch()) {
    job.lease->set_durable_seq(std::max(job.lease->durable_seq(), shown.worker_seq));
  }
  if (shown.has_loss && job.current().measured().first_loss_seconds() == 0) {
    // The monotonic clock where the request came to this process, the record's times otherwise.
    const absl::Duration taken = job.received_at.has_value()
                                     ? now_ - *job.received_at
                                     : wall_ - FromProto(job.current().create_time());
    const double seconds = std::max(absl::ToDoubleSeconds(taken), 1e-9);
    Edit(job).mutable_measured()->set_first_loss_seconds(seconds);
    job.must_store = true;
    metrics_.Startup("first_step", seconds);
  }
  NotifyWatchers(job);
}

JobRecord* JobQueue::FindJob(std::string_view name) {
  const auto it = jobs_by_name_.find(name);
  return it == jobs_by_name_.end() ? nullptr : it->second;
}

absl::StatusOr<JobRecord*> JobQueue::RequireJob(std::string_view name) {
  JobRecord* job = FindJob(name);
  // A job whose submit is not durable does not exist yet.
  if (job == nullptr || job->visible() == nullptr) return NotFoundError("job", name);
  return job;
}

absl::StatusOr<WorkerRecord*> JobQueue::RequireWorker(std::string_view name) {
  const auto it = workers_.find(std::string(name));
  if (it == workers_.end()) return NotFoundError("worker", name);
  return it->second.get();
}

JobView JobQueue::View(const JobRecord& job, std::shared_ptr<const v1::Job> contents,
                       ReasonCache* reasons) {
  JobView view{std::move(contents), job.spec_bytes(), ""};
  if (view.contents->state() != job.state()) return view;
  // Jobs with equal needs wait for the same reason, unless they are held back.
  const bool shared = job.state() == v1::JOB_STATE_QUEUED && job.hold_reason.empty();
  if (shared && reasons != nullptr) {
    const auto known = reasons->find(job.needs());
    if (known != reasons->end()) {
      view.pending_reason = known->second;
      return view;
    }
  }
  std::vector<const WorkerRecord*> workers;
  if (shared) {
    for (const auto& [name, worker] : workers_) workers.push_back(worker.get());
  }
  view.pending_reason = PendingReasonOf(job, workers);
  if (shared && reasons != nullptr) reasons->emplace(job.needs(), view.pending_reason);
  return view;
}

v1::Job JobView::Compose() const {
  v1::Job job = *contents;
  if (!job.mutable_spec()->ParseFromString(*spec)) GRAPHKILN_BUG("job.spec", job.name());
  job.set_pending_reason(pending_reason);
  return job;
}

void JobQueue::After(uint64_t batch, StatusCallback done) {
  if (batch <= pipeline_.finished_id()) {
    // Once a batch was refused, what is in memory is no longer what is stored.
    RunSoon([done = std::move(done), status = broken_ ? StorageHealth() : absl::OkStatus()] {
      done(status);
    });
  } else {
    pipeline_.After(batch, std::move(done));
  }
}

void JobQueue::RunSoon(std::function<void()> action) { run_soon_.push_back(std::move(action)); }

void JobQueue::AnswerJob(const JobRecord& job, JobCallback done) {
  After(job.last_batch,
        [view = View(job, job.latest()), done = std::move(done)](const absl::Status& status) {
          if (!status.ok()) {
            done(status);
          } else {
            done(view.Compose());
          }
        });
}

void JobQueue::Tick() {
  Scope scope(this);
  announced_deadline_ = NextWake();
}

absl::Duration JobQueue::NextDeadline() {
  MutexLock lock(&mu_);
  announced_deadline_ = NextWake();
  return announced_deadline_;
}

void JobQueue::SetDeadlineListener(std::function<void()> listener) {
  MutexLock lock(&mu_);
  deadline_listener_ = std::move(listener);
}

void JobQueue::SetReleasedListener(std::function<void(std::vector<std::string>)> listener) {
  MutexLock lock(&mu_);
  released_listener_ = std::move(listener);
}

absl::Status JobQueue::StorageHealth() {
  if (broken_) return StorageError("another coordinator has taken the store over");
  const absl::Status health = journal_.Health();
  if (!health.ok()) return StorageError(MessageOf(health));
  return absl::OkStatus();
}

bool JobQueue::UsesArtifact(const std::string& sha256) {
  MutexLock lock(&mu_);
  return artifact_users_.contains(sha256);
}

bool JobQueue::Ready() {
  MutexLock lock(&mu_);
  return restored_ && StorageHealth().ok();
}

uint64_t JobQueue::generation() {
  MutexLock lock(&mu_);
  return generation_;
}

}  // namespace graphkiln::coordinator
