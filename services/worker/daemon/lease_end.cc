#include "services/worker/daemon/lease_end.h"

#include <signal.h>

#include <algorithm>
#include <string>

#include "common/base/status.h"
#include "fmt/format.h"

namespace graphkiln::worker {
namespace {

using trainer::v1::Finished;
using v1::FinishLeaseRequest;

FinishLeaseRequest::Outcome ToOutcome(Finished::Outcome outcome) {
  switch (outcome) {
    case Finished::OUTCOME_SUCCEEDED:
      return FinishLeaseRequest::OUTCOME_SUCCEEDED;
    case Finished::OUTCOME_FAILED_USER:
      return FinishLeaseRequest::OUTCOME_FAILED_USER;
    case Finished::OUTCOME_CANCELLED:
      return FinishLeaseRequest::OUTCOME_CANCELLED;
    case Finished::OUTCOME_RELEASED:
      return FinishLeaseRequest::OUTCOME_RELEASED;
    default:
      return FinishLeaseRequest::OUTCOME_FAILED_INFRA;
  }
}

/// The end of a trainer that said nothing.
void DescribeSilentEnd(const TrainerEnd& end, FinishLeaseRequest* request) {
  const TrainerExit& exit = end.exit;
  const std::string how = DescribeExit(exit.exit_code, exit.signal);
  request->set_outcome(FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  if (end.stop == StopKind::kCancel) {
    request->set_outcome(FinishLeaseRequest::OUTCOME_CANCELLED);
    request->set_reason(fmt::format("KILLED: the trainer was stopped with {}", how));
    return;
  }
  // Any other death while it wrote its checkpoint is a crash like any other.
  const bool ours = end.signalled && (exit.signal == SIGTERM || exit.signal == SIGKILL);
  if (end.stop == StopKind::kCheckpoint && ours) {
    request->set_outcome(FinishLeaseRequest::OUTCOME_RELEASED);
    request->set_reason(
        fmt::format("GRACE_OVER: no checkpoint in time, the trainer was stopped with {}", how));
    return;
  }
  if (exit.parent_died) {
    request->set_reason(fmt::format("TRAINER_PARENT_DIED: {}", exit.error));
    return;
  }
  const std::string at = end.step > 0 ? fmt::format(" after step {}", end.step) : "";
  if (exit.signal == SIGKILL && end.out_of_memory && exit.error.empty()) {
    request->set_reason(
        fmt::format("OUT_OF_MEMORY: the system killed the trainer{} for lack of memory", at));
    return;
  }
  const std::string& detail = exit.error.empty() ? exit.last_line : exit.error;
  request->set_reason(
      fmt::format("TRAINER_CRASHED: {}{}{}{}", how, at, detail.empty() ? "" : ": ", detail));
}

}  // namespace

v1::FinishLeaseRequest DescribeEnd(const LeaseId& id, const TrainerEnd& end) {
  FinishLeaseRequest request;
  request.set_job(id.job);
  request.set_lease_epoch(id.epoch);
  request.set_step(end.step);
  request.set_epoch(end.epoch);
  if (end.finished.has_value()) {
    const Finished& finished = *end.finished;
    request.set_outcome(ToOutcome(finished.outcome()));
    request.set_reason(finished.reason());
    *request.mutable_metrics() = finished.metrics();
    *request.mutable_measured() = finished.measured();
    request.set_step(std::max(finished.step(), end.step));
    request.set_epoch(std::max(finished.epoch(), end.epoch));
    request.set_stopped_early(finished.stopped_early());
    if (finished.outcome() == Finished::OUTCOME_UNSPECIFIED) {
      request.set_reason("TRAINER_CRASHED: it did not say how it ended");
    }
  } else {
    DescribeSilentEnd(end, &request);
  }
  if (request.measured().peak_bytes() < end.peak_bytes) {
    request.mutable_measured()->set_peak_bytes(end.peak_bytes);
  }
  const bool failed = request.outcome() == FinishLeaseRequest::OUTCOME_FAILED_USER ||
                      request.outcome() == FinishLeaseRequest::OUTCOME_FAILED_INFRA;
  if (failed) {
    request.set_log_tail(end.exit.log_tail);
  }
  return request;
}

v1::FinishLeaseRequest DescribeFailedStart(const LeaseId& id, StopKind stop,
                                           const absl::Status& status) {
  FinishLeaseRequest request;
  request.set_job(id.job);
  request.set_lease_epoch(id.epoch);
  if (stop == StopKind::kCancel) {
    request.set_outcome(FinishLeaseRequest::OUTCOME_CANCELLED);
    request.set_reason("CANCELLED: before the trainer started");
  } else if (stop == StopKind::kCheckpoint) {
    request.set_outcome(FinishLeaseRequest::OUTCOME_RELEASED);
    request.set_reason("RELEASED: before the trainer started");
  } else if (absl::IsInvalidArgument(status)) {
    request.set_outcome(FinishLeaseRequest::OUTCOME_FAILED_USER);
    request.set_reason(fmt::format("JOB_INVALID: {}", MessageOf(status)));
  } else {
    request.set_outcome(FinishLeaseRequest::OUTCOME_FAILED_INFRA);
    request.set_reason(fmt::format("{}: {}", InfraReason(status), MessageOf(status)));
  }
  return request;
}

v1::CommitCheckpointRequest DescribeCheckpoint(const LeaseId& id,
                                               const trainer::v1::CheckpointWritten& written) {
  v1::CommitCheckpointRequest request;
  request.set_job(id.job);
  request.set_lease_epoch(id.epoch);
  graphkiln::v1::Checkpoint* checkpoint = request.mutable_checkpoint();
  checkpoint->set_step(written.step());
  checkpoint->set_epoch(written.epoch());
  checkpoint->set_artifact(written.sha256());
  checkpoint->set_bytes(written.bytes());
  checkpoint->set_lease_epoch(id.epoch);
  checkpoint->set_best(written.best());
  return request;
}

const char* InfraReason(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kResourceExhausted:
      return "DISK_FULL";
    case absl::StatusCode::kNotFound:
      return "ARTIFACT_MISSING";
    case absl::StatusCode::kDataLoss:
      return "CHECKSUM_MISMATCH";
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return "COORDINATOR_UNREACHABLE";
    default:
      return "WORKER_ERROR";
  }
}

}  // namespace graphkiln::worker
