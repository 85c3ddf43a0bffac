// What an error of the coordinator means for who made the call: try again later, give it up, or
// stop everything about the lease. The reason that the coordinator gives decides, not the code
// alone: "the disk is full just now" and "this message is too large for ever" share one code.
// Made by the gRPC client, asked by everything that calls. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace graphkiln::worker {

/// The status of a failed call. `details` is the serialized google.rpc.Status of the trailers;
/// without one (gRPC's own errors, a proxy's) the reason is told from the code and the text.
absl::Status MakeCallError(absl::StatusCode code, std::string_view message,
                           std::string_view details);

/// The same with a reason (`STORAGE_UNAVAILABLE`) and the kind of the missing resource (`job`).
absl::Status MakeCallError(absl::StatusCode code, std::string_view message, std::string_view reason,
                           std::string_view resource);

/// Empty where none was given, so for every error of this machine.
std::string ReasonOf(const absl::Status& status);

/// The lease is no longer open: the worker stops and sends nothing more about it.
bool IsFenced(const absl::Status& status);

/// The coordinator is away, overloaded or cannot store now: the same call is tried again, however
/// long that lasts.
bool IsTransient(const absl::Status& status);

/// The call can never succeed as it is: repeating it is useless.
bool IsRefused(const absl::Status& status);

/// The coordinator does not know the job (any more).
bool IsJobGone(const absl::Status& status);

}  // namespace graphkiln::worker
