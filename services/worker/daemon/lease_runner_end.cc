// The second half of a lease runner: keeping the end of a trainer and handing it over.
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "fmt/format.h"
#include "services/worker/daemon/backoff.h"
#include "services/worker/daemon/lease_runner.h"

namespace graphkiln::worker {
namespace {

using v1::FinishLeaseRequest;

/// Attempts where the coordinator answers, but with an error that repeating is not known to cure.
constexpr int kAttempts = 3;

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
  const bool continues = pending.finish.outcome() == FinishLeaseRequest::OUTCOME_RELEASED ||
                         pending.finish.outcome() == FinishLeaseRequest::OUTCOME_FAILED_INFRA;
  if (continues && unstored_.has_value()) {
    const absl::StatusOr<std::string> kept = folder_->Keep(unstored_->path(), unstored_->sha256());
    if (kept.ok()) {
      pending.checkpoint = DescribeCheckpoint(id_, *unstored_);
    } else {
      Log("warning", fmt::format("the last checkpoint is lost: {}", MessageOf(kept.status())));
    }
  }
  return pending;
}

absl::Status LeaseRunner::Persist(const char* what, const std::function<absl::Status()>& call) {
  Backoff backoff(services_.first_pause, services_.longest_pause, services_.random);
  for (int failures = 0;;) {
    const absl::Status status = call();
    if (status.ok() || IsFenced(status) || absl::IsNotFound(status) || abandon_.cancelled()) {
      return status;
    }
    if (!IsTransient(status) && ++failures >= kAttempts) {
      return status;
    }
    KILN_WARN("{}: {} failed, trying again: {}", ToString(id_), what, MessageOf(status));
    if (abandon_.WaitFor(backoff.Next())) {
      return absl::CancelledError("given up");
    }
  }
}

absl::Status LeaseRunner::HandOverFiles(const PendingEnd& end) {
  if (end.checkpoint.has_value()) {
    const std::string& sha256 = end.checkpoint->checkpoint().artifact();
    const absl::Status status = Persist("storing a checkpoint", [&]() -> absl::Status {
      RETURN_IF_ERROR(services_.api.Upload(folder_->KeptPath(sha256), sha256, abandon_));
      return services_.api.CommitCheckpoint(*end.checkpoint, abandon_);
    });
    if (IsFenced(status) || abandon_.cancelled()) {
      return status;
    }
    if (!status.ok()) {
      // The job then continues from the checkpoint before.
      Log("warning", fmt::format("the last checkpoint could not be stored: {}", MessageOf(status)));
    }
  }
  for (const auto& [name, sha256] : end.finish.artifacts()) {
    RETURN_IF_ERROR(Persist("uploading a result", [&] {
      return services_.api.Upload(folder_->KeptPath(sha256), sha256, abandon_);
    }));
  }
  return absl::OkStatus();
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
  finish.set_last_event_seq(services_.events.last_seq(id_));
  if (folder_.has_value() && !folder_->Save(end).ok()) {
    KILN_WARN("{}: the result is not kept on disk", ToString(id_));
  }
  const auto send = [&] { return services_.api.FinishLease(finish, abandon_); };
  absl::Status status = Persist("finishing", send);
  if (!status.ok() && !IsFenced(status) && !absl::IsNotFound(status) && !abandon_.cancelled()) {
    // Refused in this form: the bare truth, so that the job does not hang on it.
    KILN_ERROR("{}: the result was refused: {}", ToString(id_), MessageOf(status));
    FinishLeaseRequest bare;
    bare.set_job(id_.job);
    bare.set_lease_epoch(id_.epoch);
    bare.set_outcome(FinishLeaseRequest::OUTCOME_FAILED_INFRA);
    bare.set_reason(fmt::format("RESULT_REFUSED: {}", MessageOf(status)));
    finish = std::move(bare);
    status = Persist("finishing", send);
  }
  Close(/*settled=*/!abandon_.cancelled());
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
