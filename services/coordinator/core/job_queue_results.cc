// What workers write: events, checkpoints, ends. All fenced by (job, epoch), all idempotent.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "services/coordinator/core/digest.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/job_queue_scope.h"
#include "services/coordinator/core/log_tail.h"
#include "services/coordinator/core/names.h"
#include "services/coordinator/core/progress.h"
#include "services/coordinator/core/text.h"
#include "services/coordinator/core/time_proto.h"

namespace graphkiln::coordinator {
namespace {

using worker::v1::CommitCheckpointRequest;
using worker::v1::CommitCheckpointResponse;
using worker::v1::FinishLeaseRequest;
using worker::v1::FinishLeaseResponse;
using worker::v1::LeaseEvent;
using worker::v1::PublishEventsRequest;

constexpr int64_t kDefaultKeepLast = 2;
constexpr int kMostArtifacts = 1'000;
constexpr int kMostMetrics = 10'000;
constexpr size_t kMostReasonBytes = 4'096;
constexpr uint64_t kMostMissing = uint64_t{1} << 53;  // of a gap, whatever the worker says

bool IsDigest(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Names of a job's files are shown to clients, which may write files of that name.
bool IsFileName(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text[0] != '.' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '.' || c == '_' || c == '-';
         });
}

absl::Status CheckFinish(const FinishLeaseRequest& request) {
  if (request.outcome() == FinishLeaseRequest::OUTCOME_UNSPECIFIED ||
      !FinishLeaseRequest::Outcome_IsValid(request.outcome())) {
    return FieldError("outcome", "is not set");
  }
  if (request.artifacts_size() > kMostArtifacts) return FieldError("artifacts", "are too many");
  if (request.metrics_size() > kMostMetrics) return FieldError("metrics", "are too many");
  for (const auto& [name, sha256] : request.artifacts()) {
    if (!IsFileName(name)) {
      return FieldError("artifacts", fmt::format("{} is not a file name", QuoteForMessage(name)));
    }
    if (!IsDigest(sha256)) {
      return FieldError("artifacts", fmt::format("{} has no SHA-256", QuoteForMessage(name)));
    }
  }
  return absl::OkStatus();
}

// Does the worker's payload belong to the coordinator alone?
bool IsOurs(const v1::Event& event) { return event.has_state() || event.has_checkpoint(); }

v1::Event GapOf(int64_t count) {
  v1::Event gap;
  gap.mutable_gap()->set_count(count);
  return gap;
}

std::vector<std::string> KeptArtifacts(const v1::Job& job) {
  std::vector<std::string> kept;
  for (const v1::Checkpoint& checkpoint : job.checkpoints()) kept.push_back(checkpoint.artifact());
  return kept;
}

// Removes what the policy does not keep; returns the files of the removed ones.
std::vector<std::string> ApplyRetention(v1::Job& job, const v1::CheckpointPolicy& policy) {
  const int64_t keep = policy.keep_last() > 0 ? policy.keep_last() : kDefaultKeepLast;
  std::vector<std::string> removed;
  auto& checkpoints = *job.mutable_checkpoints();
  int index = 0;
  while (index < checkpoints.size()) {
    const bool recent = checkpoints.size() - index <= keep;
    if (recent || checkpoints.Get(index).best()) {
      ++index;
      continue;
    }
    removed.push_back(checkpoints.Get(index).artifact());
    checkpoints.DeleteSubrange(index, 1);
  }
  return removed;
}

}  // namespace

void JobQueue::PublishEvents(PublishEventsRequest request,
                             std::function<void(absl::StatusOr<PublishResult>)> done,
                             const WorkerNames& speaker) {
  absl::Status valid = absl::OkStatus();
  if (request.events_size() > options_.max_events_per_publish) {
    valid = FieldError("events", fmt::format("are {}; at most {} are taken", request.events_size(),
                                             options_.max_events_per_publish));
  }
  for (LeaseEvent& lease_event : *request.mutable_events()) {
    if (!valid.ok()) break;
    valid = CheckEvent(lease_event.event(), options_);
    if (lease_event.event().has_log()) {
      std::string& message = *lease_event.mutable_event()->mutable_log()->mutable_message();
      const size_t most = static_cast<size_t>(options_.max_log_message_bytes);
      if (message.size() > most) message = std::string(TruncateUtf8(message, most));
    }
  }
  const absl::StatusOr<std::string> name = CanonicalJobName(request.job());
  if (valid.ok()) valid = name.status();
  if (!valid.ok()) {
    done(valid);
    return;
  }

  Scope scope(this);
  JobRecord* job = FindJob(*name);
  if (job == nullptr || !CheckFence(*job, request.lease_epoch(), *name).ok()) {
    RunSoon([done = std::move(done)] { done(PublishResult{0, true}); });
    return;
  }
  absl::Status refusal = speaker.Check(job->lease->worker());
  if (refusal.ok()) refusal = StorageHealth();
  if (!refusal.ok()) {
    RunSoon([done = std::move(done), refusal] { done(refusal); });
    return;
  }
  Lease& lease = *job->lease;
  if (lease.state() == Lease::State::kOffered) Activate(*job);  // who sends events has taken it

  AppendEvents append;
  append.job_uid = job->uid();
  append.fence_epoch = lease.epoch();
  SeriesCollector series;
  int64_t refused_points = 0;  // of new series beyond the bound
  bool has_loss = false;
  const auto take = [&](v1::Event event) {
    refused_points += RefuseNewSeries(event, options_, job->series);
    event.set_job(job->name());
    if (!event.has_time()) *event.mutable_time() = ToProto(wall_);
    EventLog::EventPtr shared = job->log.Append(std::move(event), options_.ring_events);
    series.Add(*shared);
    has_loss |= shared->has_step();
    append.events.push_back(std::move(shared));
  };
  for (LeaseEvent& lease_event : *request.mutable_events()) {
    if (lease_event.worker_seq() <= lease.accepted_seq()) continue;  // sent again
    v1::Event& event = *lease_event.mutable_event();
    const auto hole = static_cast<int64_t>(lease_event.worker_seq() - lease.accepted_seq() - 1);
    lease.set_accepted_seq(lease_event.worker_seq());
    if (event.has_gap()) {
      // Its positions are the worker's own; here only the count has a meaning.
      event.mutable_gap()->clear_first_missing();
      event.mutable_gap()->clear_last_missing();
      metrics_.PointsDropped(event.gap().count());
    } else if (hole > 0) {
      metrics_.PointsDropped(hole);
      take(GapOf(hole));
    }
    if (!IsOurs(event)) take(std::move(event));
  }
  if (refused_points > 0) {
    metrics_.PointsDropped(refused_points);
    take(GapOf(refused_points));
  }
  if (!append.events.empty()) {
    append.last_worker_seq = lease.accepted_seq();
    v1::Job& draft = Edit(*job);
    for (const EventLog::EventPtr& event : append.events) {
      ApplyProgress(*event, draft);
      job->must_store |= event->has_epoch();
    }
    ShowEvents shown;
    shown.job = job;
    shown.seq = append.events.back()->seq();
    shown.epoch = lease.epoch();
    shown.worker_seq = lease.accepted_seq();
    shown.has_loss = has_loss;
    pipeline_.Stage(std::move(append));
    if (series.points() > 0) {
      metrics_.PointsIngested(series.points());
      pipeline_.Stage(AppendMetrics{job->uid(), series.Take()});
    }
    pipeline_.OnDurable(shown);
    job->last_batch = pipeline_.next_id();
  }
  const PublishResult result{lease.accepted_seq(), false};
  Flush();
  After(job->last_batch, [done = std::move(done), result](const absl::Status& status) {
    if (!status.ok()) {
      done(status);
    } else {
      done(result);
    }
  });
}

void JobQueue::CommitCheckpoint(const CommitCheckpointRequest& request,
                                std::function<void(absl::StatusOr<CommitCheckpointResponse>)> done,
                                const WorkerNames& speaker) {
  const absl::StatusOr<std::string> name = CanonicalJobName(request.job());
  absl::Status valid = name.status();
  if (valid.ok() && !IsDigest(request.checkpoint().artifact())) {
    valid = FieldError("checkpoint.artifact", "is not a SHA-256");
  }
  if (valid.ok() && (request.checkpoint().step() < 0 || request.checkpoint().bytes() < 0)) {
    valid = FieldError("checkpoint", "has a negative step or size");
  }
  if (!valid.ok()) {
    done(valid);
    return;
  }

  Scope scope(this);
  JobRecord* job = FindJob(*name);
  absl::Status status =
      job == nullptr ? NotFoundError("job", *name) : CheckFence(*job, request.lease_epoch(), *name);
  if (status.ok()) status = speaker.Check(job->lease->worker());
  if (status.ok()) status = StorageHealth();
  if (!status.ok()) {
    RunSoon([done = std::move(done), status] { done(status); });
    return;
  }
  if (job->lease->state() == Lease::State::kOffered) Activate(*job);
  const auto& stored = job->current().checkpoints();
  const bool repeated =
      std::any_of(stored.begin(), stored.end(), [&](const v1::Checkpoint& checkpoint) {
        return checkpoint.artifact() == request.checkpoint().artifact() &&
               checkpoint.step() == request.checkpoint().step() &&
               checkpoint.lease_epoch() == request.lease_epoch();
      });
  if (!repeated) {
    v1::Job& draft = Edit(*job);
    if (request.checkpoint().best()) {
      for (v1::Checkpoint& checkpoint : *draft.mutable_checkpoints()) checkpoint.clear_best();
    }
    v1::Checkpoint& checkpoint = *draft.add_checkpoints();
    checkpoint = request.checkpoint();
    checkpoint.set_lease_epoch(request.lease_epoch());
    *checkpoint.mutable_create_time() = ToProto(wall_);
    v1::Event event;
    *event.mutable_checkpoint()->mutable_checkpoint() = checkpoint;
    metrics_.CheckpointCommitted(checkpoint.bytes());
    ReferArtifact(checkpoint.artifact());
    ReleaseArtifacts released{ApplyRetention(draft, job->checkpoint_policy())};
    job->must_store = true;
    AppendEvent(*job, std::move(event), /*fenced=*/true);
    if (!released.sha256.empty()) pipeline_.OnDurable(std::move(released));
  }
  CommitCheckpointResponse response;
  for (std::string& sha256 : KeptArtifacts(job->current())) response.add_kept(std::move(sha256));
  Flush();
  After(job->last_batch,
        [done = std::move(done), response = std::move(response)](const absl::Status& committed) {
          if (!committed.ok()) {
            done(committed);
          } else {
            done(response);
          }
        });
}

void JobQueue::FinishLease(const FinishLeaseRequest& request,
                           std::function<void(absl::StatusOr<FinishLeaseResponse>)> done,
                           const WorkerNames& speaker) {
  const absl::StatusOr<std::string> name = CanonicalJobName(request.job());
  absl::Status valid = name.status();
  if (valid.ok()) valid = CheckFinish(request);
  if (!valid.ok()) {
    done(valid);
    return;
  }
  std::string digest = Sha256Hex(SerializeDeterministic(request));

  Scope scope(this);
  const auto refuse = [&](absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    RunSoon([done, status = std::move(status)] { done(status); });
  };
  JobRecord* job = FindJob(*name);
  if (job == nullptr || job->visible() == nullptr) return refuse(NotFoundError("job", *name));
  JobInternals& internals = job->internals;
  const bool answered =
      internals.finish_epoch == request.lease_epoch() && request.lease_epoch() > 0;
  if (answered && internals.finish_digest != digest) {
    metrics_.LeaseFencedWrite();
    return refuse(FencedError(*name, request.lease_epoch(), "it has ended in another way"));
  }
  if (!answered) {
    if (absl::Status fence = CheckFence(*job, request.lease_epoch(), *name); !fence.ok()) {
      return refuse(fence);
    }
    if (absl::Status named = speaker.Check(job->lease->worker()); !named.ok()) return refuse(named);
    if (absl::Status health = StorageHealth(); !health.ok()) return refuse(health);
    if (job->lease->state() == Lease::State::kOffered) Activate(*job);
    ApplyFinish(*job, request);
    internals.finish_epoch = request.lease_epoch();
    internals.finish_digest = std::move(digest);
    internals.finish_answer = job->state();
    Flush();
  }
  FinishLeaseResponse response;
  response.set_state(internals.finish_answer);
  After(job->last_batch, [done, response](const absl::Status& committed) {
    if (!committed.ok()) {
      done(committed);
    } else {
      done(response);
    }
  });
}

void JobQueue::ApplyFinish(JobRecord& job, const FinishLeaseRequest& request) {
  v1::Job& draft = Edit(job);
  job.must_store = true;
  for (const auto& [name, value] : request.metrics()) (*draft.mutable_metrics())[name] = value;
  ReleaseArtifacts replaced;
  for (const auto& [name, sha256] : request.artifacts()) {
    std::string& stored = (*draft.mutable_artifacts())[name];
    if (stored == sha256) continue;
    if (!stored.empty()) replaced.sha256.push_back(stored);
    stored = sha256;
    ReferArtifact(sha256);
  }
  if (!replaced.sha256.empty()) pipeline_.OnDurable(std::move(replaced));
  v1::Measured& measured = *draft.mutable_measured();
  measured.set_peak_bytes(std::max(measured.peak_bytes(), request.measured().peak_bytes()));
  if (request.measured().steps_per_second() > 0) {
    measured.set_steps_per_second(request.measured().steps_per_second());
  }
  if (request.step() > 0) draft.set_step(request.step());
  if (request.epoch() > 0) draft.set_epoch(request.epoch());
  // Events that the worker had numbered and that have not arrived never will (I12).
  if (request.last_event_seq() > job.lease->accepted_seq()) {
    const uint64_t missing = request.last_event_seq() - job.lease->accepted_seq();
    const auto count = static_cast<int64_t>(std::min(missing, kMostMissing));
    metrics_.PointsDropped(count);
    AppendEvent(job, GapOf(count));
  }
  std::string reason(TruncateUtf8(request.reason(), kMostReasonBytes));
  const bool failed = request.outcome() == FinishLeaseRequest::OUTCOME_FAILED_USER ||
                      request.outcome() == FinishLeaseRequest::OUTCOME_FAILED_INFRA;
  // A worker that has delivered all its events has told these lines already.
  const bool all_told =
      request.last_event_seq() > 0 && job.lease->accepted_seq() >= request.last_event_seq();
  if (failed && !all_told) {
    for (const std::string_view line : UnseenTail(job.log, request.log_tail())) {
      v1::Event event;
      event.mutable_log()->set_level("error");
      event.mutable_log()->set_message(
          std::string(TruncateUtf8(line, static_cast<size_t>(options_.max_log_message_bytes))));
      AppendEvent(job, std::move(event));
    }
  }
  const bool cancelling = job.state() == v1::JOB_STATE_CANCELLING;
  const auto end_cancelled = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    EndJob(job, v1::JOB_STATE_CANCELLED, "CANCELLED: by the user");
  };
  switch (request.outcome()) {
    case FinishLeaseRequest::OUTCOME_SUCCEEDED:
      draft.set_stopped_early(request.stopped_early());
      CloseLease(job, Lease::State::kCompleted, "SUCCEEDED");
      // The cancel was durable first, so it stands; the files stay.
      if (cancelling) return end_cancelled();
      EndJob(job, v1::JOB_STATE_SUCCEEDED,
             request.stopped_early() ? "STOPPED_EARLY: by the user" : "");
      return;
    case FinishLeaseRequest::OUTCOME_FAILED_USER:
      if (reason.empty()) reason = "FAILED";
      CloseLease(job, Lease::State::kFailed, reason);
      if (cancelling) return end_cancelled();
      EndJob(job, v1::JOB_STATE_FAILED, std::move(reason));
      return;
    case FinishLeaseRequest::OUTCOME_RELEASED:
      CloseLease(job, Lease::State::kReleased, reason.empty() ? "RELEASED" : reason);
      if (cancelling) return end_cancelled();
      Requeue(job, reason.empty() ? job.current().reason() : reason);
      return;
    case FinishLeaseRequest::OUTCOME_CANCELLED:
      // Without a cancel of ours the worker stopped on its own account: tried again, but not for
      // ever.
      if (reason.empty()) reason = cancelling ? "CANCELLED" : "STOPPED_BY_WORKER";
      CloseLease(job, cancelling ? Lease::State::kRevoked : Lease::State::kFailed, reason);
      if (cancelling) return end_cancelled();
      FailOrRetry(job, std::move(reason));
      return;
    default:
      if (reason.empty()) reason = "INFRA";
      CloseLease(job, Lease::State::kFailed, reason);
      if (cancelling) return end_cancelled();
      FailOrRetry(job, std::move(reason));
      return;
  }
}

}  // namespace graphkiln::coordinator
