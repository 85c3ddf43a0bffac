// The second half of a lease runner: keeping the end of a trainer and handing it over.
#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "fmt/format.h"
#include "services/worker/daemon/backoff.h"
#include "services/worker/daemon/lease_runner.h"

namespace graphkiln::worker {
namespace {

using v1::FinishLeaseRequest;

/// Attempts where the coordinator answers, but with an error that repeating is not known to cure:
/// with growing pauses more than a minute.
constexpr int kAttempts = 12;

}  // namespace

PendingEnd LeaseRunner::MakeEnd(const TrainerEnd& end) {
  PendingEnd pending;
  pending.finish = DescribeEnd(id_, end);
  const auto fail = [&](const absl::Status& status) {
    pending.finish.set_outcome(FinishLeaseRequest::OUTCOME_FAILED_INFRA);
    pending.finish.set_reason(
        fmt::format("{}: cannot keep the results: {}", InfraReason(status), MessageOf(status)));
    pending.finish.clear_artifacts();
  };
  if (end.finished.has_value()) {
    for (const auto& [name, path] : end.finished->files()) {
      absl::StatusOr<std::string> sha256 = folder_->Keep(path);
      if (!sha256.ok()) {
        fail(sha256.status());
        break;
      }
      (*pending.finish.mutable_artifacts())[name] = *std::move(sha256);
    }
  }
  const auto keep = [&](const std::optional<trainer::v1::CheckpointWritten>& unstored,
                        std::optional<v1::CommitCheckpointRequest>* kept) {
    if (!unstored.has_value()) {
      return;
    }
    const absl::Status status = folder_->Keep(unstored->path(), unstored->sha256()).status();
    if (status.ok()) {
      *kept = DescribeCheckpoint(id_, *unstored);
    } else {
      Log("warning", fmt::format("the checkpoint of step {} is lost: {}", unstored->step(),
                                 MessageOf(status)));
    }
  };
  const FinishLeaseRequest::Outcome outcome = pending.finish.outcome();
  // The best weights are a result; the newest ones matter only where the job goes on.
  if (outcome != FinishLeaseRequest::OUTCOME_CANCELLED) {
    keep(unstored_best_, &pending.best);
  }
  if (outcome == FinishLeaseRequest::OUTCOME_RELEASED ||
      outcome == FinishLeaseRequest::OUTCOME_FAILED_INFRA) {
    keep(unstored_, &pending.checkpoint);
  }
  return pending;
}

absl::Status LeaseRunner::Persist(const char* what, bool endless,
                                  const std::function<absl::Status()>& call) {
  Backoff backoff(services_.first_pause, services_.longest_pause, services_.random);
  for (int failures = 0;;) {
    const absl::Status status = call();
    if (status.ok() || IsFenced(status) || IsRefused(status) || IsJobGone(status) ||
        abandon_.cancelled()) {
      return status;
    }
    if (!endless && !IsTransient(status) && ++failures >= kAttempts) {
      return status;
    }
    KILN_WARN("{}: {} failed, trying again: {}", ToString(id_), what, MessageOf(status));
    if (abandon_.WaitFor(backoff.Next())) {
      return absl::CancelledError("given up");
    }
  }
}

absl::Status LeaseRunner::UploadResults(const FinishLeaseRequest& finish) {
  for (const auto& [name, sha256] : finish.artifacts()) {
    RETURN_IF_ERROR(services_.api.Upload(folder_->KeptPath(sha256), sha256, abandon_));
  }
  return absl::OkStatus();
}

absl::Status LeaseRunner::HandOverFiles(const PendingEnd& end) {
  for (const auto* checkpoint : {&end.best, &end.checkpoint}) {
    if (!checkpoint->has_value()) {
      continue;
    }
    const std::string& sha256 = (*checkpoint)->checkpoint().artifact();
    const absl::Status status = Persist("storing a checkpoint", false, [&]() -> absl::Status {
      RETURN_IF_ERROR(services_.api.Upload(folder_->KeptPath(sha256), sha256, abandon_));
      return services_.api.CommitCheckpoint(**checkpoint, abandon_);
    });
    if (IsFenced(status) || abandon_.cancelled()) {
      return status;
    }
    if (!status.ok()) {
      // The job then continues from the checkpoint before.
      Log("warning", fmt::format("the checkpoint of step {} could not be stored: {}",
                                 (*checkpoint)->checkpoint().step(), MessageOf(status)));
    }
  }
  return Persist("uploading the results", false, [&] { return UploadResults(end.finish); });
}

void LeaseRunner::HandOver(PendingEnd end) {
  services_.events.Flush(id_, services_.flush_timeout, abandon_);
  const absl::Status files = HandOverFiles(end);
  if (abandon_.cancelled() || IsFenced(files)) {
    Close(/*settled=*/IsFenced(files));
    return;
  }
  FinishLeaseRequest& finish = end.finish;
  if (!files.ok()) {
    finish.set_outcome(FinishLeaseRequest::OUTCOME_FAILED_INFRA);
    finish.set_reason(
        fmt::format("STORAGE_UNAVAILABLE: the results could not be stored: {}", MessageOf(files)));
    finish.clear_artifacts();
  }
  finish.set_last_event_seq(std::max(finish.last_event_seq(), services_.events.last_seq(id_)));
  if (folder_.has_value() && !folder_->Save(end).ok()) {
    KILN_WARN("{}: the result is not kept on disk", ToString(id_));
  }
  bool missing = false;
  const auto send = [&]() -> absl::Status {
    // Before every attempt: where the coordinator was away, events still wait here, and the end
    // closes the lease for them.
    services_.events.Flush(id_, services_.flush_timeout, abandon_);
    if (missing) {
      RETURN_IF_ERROR(UploadResults(finish));
    }
    absl::Status status = services_.api.FinishLease(finish, abandon_);
    missing = absl::IsNotFound(status) && !IsJobGone(status);  // a file was collected meanwhile
    return status;
  };
  absl::Status status = Persist("finishing", true, send);
  if (IsRefused(status)) {
    // The bare truth, so that the job does not hang on it.
    KILN_ERROR("{}: the result was refused: {}", ToString(id_), MessageOf(status));
    FinishLeaseRequest bare;
    bare.set_job(id_.job);
    bare.set_lease_epoch(id_.epoch);
    bare.set_outcome(FinishLeaseRequest::OUTCOME_FAILED_INFRA);
    bare.set_reason(fmt::format("RESULT_REFUSED: {}", MessageOf(status)));
    bare.set_last_event_seq(finish.last_event_seq());
    finish = std::move(bare);
    status = Persist("finishing", true, send);
  }
  // Nothing else settles it: what nobody has taken stays on disk for the next process.
  Close(/*settled=*/status.ok() || IsFenced(status) || IsJobGone(status));
}

void LeaseRunner::Close(bool settled) {
  services_.events.Close(id_);
  // Fenced work is worthless; work that was cut off by the end of this process is handed over by
  // the next one.
  if ((settled || stop() == StopKind::kFence) && folder_.has_value()) {
    folder_->Remove();
  }
  services_.listener.OnClosed(id_);
}

}  // namespace graphkiln::worker
