// How the end of a trainer is told to the coordinator: one pure function, so that every way a
// process can die has a test. Called by the lease runner.
#pragma once

#include <optional>

#include "graphkiln/trainer/v1/trainer.pb.h"
#include "graphkiln/worker/v1/worker_service.pb.h"
#include "services/worker/daemon/lease_id.h"
#include "services/worker/daemon/lease_table.h"
#include "services/worker/launch/process.h"

namespace graphkiln::worker {

struct TrainerEnd {
  /// What the trainer itself said last, if it got so far.
  std::optional<trainer::v1::Finished> finished;
  TrainerExit exit;
  /// What it was told before.
  StopKind stop = StopKind::kNone;
  /// It was sent a signal, because its time to obey was over.
  bool signalled = false;
  /// The machine killed processes for lack of memory while it ran.
  bool out_of_memory = false;
  /// Last step that it reported, and the highest resident memory seen.
  int64_t step = 0;
  int64_t epoch = 0;
  int64_t peak_bytes = 0;
};

/// Without artifacts and `last_event_seq`, which the caller knows. A trainer that died of a signal
/// is the machine's fault (FAILED_INFRA, tried again); USER failures only come from the trainer's
/// own word.
v1::FinishLeaseRequest DescribeEnd(const LeaseId& id, const TrainerEnd& end);

/// For a lease whose trainer could not be started.
v1::FinishLeaseRequest DescribeFailedStart(const LeaseId& id, StopKind stop,
                                           const absl::Status& status);

/// The request that makes a checkpoint of the trainer, once it is uploaded, the job's newest.
v1::CommitCheckpointRequest DescribeCheckpoint(const LeaseId& id,
                                               const trainer::v1::CheckpointWritten& written);

/// "DISK_FULL", "ARTIFACT_MISSING", ...: the stable word of an infrastructure error.
const char* InfraReason(const absl::Status& status);

}  // namespace graphkiln::worker
