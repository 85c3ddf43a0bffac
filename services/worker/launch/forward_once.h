// One forward of a graph in a trainer of its own: what `kiln run` does, with no server and no pool.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "graphkiln/trainer/v1/trainer.pb.h"

namespace graphkiln::worker {

/// Starts `kiln-trainer --single`, runs `request` and returns how it ended (look at `outcome`: a
/// user's mistake is a FINISHED with a reason, not an error status). Errors: NotFound when there is
/// no trainer program, DeadlineExceeded after `timeout`, Aborted when the trainer died (the message
/// names the signal and ends with its last output). Blocks; the trainer dies with the calling
/// thread.
absl::StatusOr<trainer::v1::Finished> RunForwardOnce(const trainer::v1::RunForward& request,
                                                     absl::Duration timeout,
                                                     Clock& clock = SystemClock());

}  // namespace graphkiln::worker
