// The ways to change a job: every change goes through Edit and SetState, and is staged once per
// scope.
#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "services/coordinator/core/job_order.h"
#include "services/coordinator/core/job_queue_scope.h"
#include "services/coordinator/core/time_proto.h"

namespace graphkiln::coordinator {

v1::Job& JobQueue::Edit(JobRecord& job) {
  if (!job.dirty) {
    job.dirty = true;
    dirty_.push_back(&job);
  }
  return job.Draft();
}

void JobQueue::SetState(JobRecord& job, v1::JobState state, std::string reason) {
  const v1::JobState from = job.state();
  Edit(job);
  if (!job.TransitionTo(state)) return;
  metrics_.AddJobs(JobRecord::Name(from), job.queue(), -1);
  metrics_.AddJobs(JobRecord::Name(state), job.queue(), 1);
  job.Draft().set_reason(std::move(reason));
  job.must_store = true;
  AppendStateEvent(job);
}

void JobQueue::StageJob(JobRecord& job) {
  job.dirty = false;
  if (!job.has_draft()) return;
  *job.Draft().mutable_update_time() = ToProto(wall_);
  std::shared_ptr<const v1::Job> contents = job.Freeze();
  // Mere progress can be read again from the events; it is stored now and then.
  if (job.must_store || now_ - job.stored_at >= options_.progress_store_interval) {
    job.must_store = false;
    job.stored_at = now_;
    job.internals.last_seq = job.log.last_seq();
    pipeline_.Stage(PutJob{contents, job.internals});
  }
  pipeline_.OnDurable(ShowJob{&job, std::move(contents)});
  job.last_batch = pipeline_.next_id();
}

void JobQueue::AppendEvent(JobRecord& job, v1::Event event, bool fenced) {
  event.set_job(job.name());
  if (!event.has_time()) *event.mutable_time() = ToProto(wall_);
  EventLog::EventPtr shared = job.log.Append(std::move(event), options_.ring_events);
  const int64_t seq = shared->seq();
  AppendEvents append;
  append.job_uid = job.uid();
  if (fenced) {
    append.fence_epoch = job.lease->epoch();
    append.last_worker_seq = job.lease->accepted_seq();
  }
  append.events.push_back(std::move(shared));
  pipeline_.Stage(std::move(append));
  ShowEvents shown;
  shown.job = &job;
  shown.seq = seq;
  pipeline_.OnDurable(shown);
  job.last_batch = pipeline_.next_id();
}

void JobQueue::AppendStateEvent(JobRecord& job) {
  v1::Event event;
  v1::StateEvent& state = *event.mutable_state();
  const v1::Job& current = job.current();
  state.set_state(current.state());
  state.set_reason(current.reason());
  state.set_lease_epoch(current.lease_epoch());
  state.set_worker(current.worker());
  state.set_attempts(current.attempts());
  AppendEvent(job, std::move(event));
}

void JobQueue::EnterQueue(JobRecord& job) {
  job.queued_at = now_;
  job.internals.queue_time = wall_;
  pending_.Add(job, JobOrderKey(now_, job.priority(), options_.age_per_priority_point));
  place_ = true;
}

void JobQueue::LeaveQueue(JobRecord& job) {
  pending_.Remove(job);
  deadlines_.Cancel(TimerKind::kHoldBack, job.uid());
  job.hold_reason.clear();
}

void JobQueue::EndJob(JobRecord& job, v1::JobState state, std::string reason) {
  LeaveQueue(job);
  deadlines_.Cancel(TimerKind::kBackoff, job.uid());
  *Edit(job).mutable_end_time() = ToProto(wall_);
  const std::string word = reason.substr(0, reason.find(':'));
  SetState(job, state, std::move(reason));
  metrics_.JobFinished(job.queue(), JobRecord::Name(state), word);
  CountOpen(job, -1);
  job.series = {};
  ReleaseProgram(job);
}

void JobQueue::CountOpen(const JobRecord& job, int64_t by) {
  open_jobs_ += by;
  const auto project = open_jobs_by_project_.try_emplace(job.project(), 0).first;
  project->second += by;
  if (project->second == 0) open_jobs_by_project_.erase(project);
}

void JobQueue::ReleaseProgram(JobRecord& job) {
  const auto it = programs_.find(job.internals.program);
  if (it == programs_.end() || --it->second.users > 0) return;
  if (it->second.stored) pipeline_.Stage(DropProgram{it->first});
  programs_.erase(it);
}

void JobQueue::ReferArtifact(const std::string& sha256) { ++artifact_users_[sha256]; }

bool JobQueue::UnreferArtifact(const std::string& sha256) {
  const auto it = artifact_users_.find(sha256);
  if (it == artifact_users_.end()) return false;
  if (--it->second > 0) return false;
  artifact_users_.erase(it);
  return true;
}

void JobQueue::ReferArtifactsOf(const JobRecord& job) {
  for (const std::string& sha256 : job.spec_artifacts()) ReferArtifact(sha256);
  for (const v1::Checkpoint& checkpoint : job.current().checkpoints()) {
    ReferArtifact(checkpoint.artifact());
  }
  for (const auto& [name, sha256] : job.current().artifacts()) ReferArtifact(sha256);
}

void JobQueue::NotifyOrders(WorkerRecord& worker) {
  for (const auto& [id, listener] : orders_listeners_) {
    if (listener.worker == worker.name()) RunSoon(listener.call);
  }
}

void JobQueue::NotifyWatchers(JobRecord& job) {
  for (EventCursor* cursor : job.watchers) {
    if (cursor->listener_ != nullptr) RunSoon(cursor->listener_);
  }
}

}  // namespace graphkiln::coordinator
