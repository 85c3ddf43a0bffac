// How a run goes wrong: statuses whose message starts with a stable word, and what they mean for
// the job.
//
// The word reaches users as the job's `reason`; the status code alone decides whose fault it is and
// so whether the job is tried again. Pure functions; any thread.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

namespace reason {
inline constexpr std::string_view kCheckpointInvalid = "CHECKPOINT_INVALID";
inline constexpr std::string_view kDataInvalid = "DATA_INVALID";
inline constexpr std::string_view kDiskFull = "DISK_FULL";
inline constexpr std::string_view kIo = "IO_ERROR";
inline constexpr std::string_view kIrInvalid = "IR_INVALID";
inline constexpr std::string_view kNumerics = "NUMERICS";
inline constexpr std::string_view kOperatorFailed = "OPERATOR_FAILED";
inline constexpr std::string_view kOutOfMemory = "OUT_OF_MEMORY";
inline constexpr std::string_view kUnsupported = "UNSUPPORTED";
inline constexpr std::string_view kWeightsInvalid = "WEIGHTS_INVALID";
}  // namespace reason

/// The job's own fault; trying again would fail again.
absl::Status UserFault(std::string_view word, std::string_view text);

/// The machine's fault; another attempt may succeed.
absl::Status MachineFault(std::string_view word, std::string_view text);

/// A status of a file operation on something that the machine owns (checkpoints, results): a full
/// disk becomes DISK_FULL, all else IO_ERROR. OK stays OK.
absl::Status FileFault(const absl::Status& status);

/// A status of reading something that the user gave, under the word for it. Out of memory stays the
/// machine's fault. OK stays OK.
absl::Status InputFault(std::string_view word, const absl::Status& status);

/// How a run that ended with `status` is reported.
v1::Finished::Outcome OutcomeOf(const absl::Status& status);

}  // namespace graphkiln::trainer
