// The one place where an error becomes what goes over a wire: google.rpc.Status with ErrorInfo,
// BadRequest, RetryInfo and diagnostics, below 6 KB (they travel in trailers, which share the
// metadata limit of 8 KB). Pure functions but for the error id of internal faults. Any thread.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/error_reason.pb.h"

namespace graphkiln::coordinator {

/// Serialized google.rpc.Status never exceeds this.
inline constexpr size_t kMaxErrorBytes = 6 * 1024 - 256;
inline constexpr int kMaxFieldViolations = 50;

/// Faults of ours (INTERNAL, UNKNOWN, DATA_LOSS) are logged under an error id, and only the id is
/// told.
google::rpc::Status ToRpcStatus(const absl::Status& status);

/// INVALID_ARGUMENT that carries diagnostics; `what` is "graph" or "job". Errors come first.
absl::Status DiagnosticsError(v1::ErrorReason reason, std::string_view what,
                              const std::vector<v1::Diagnostic>& diagnostics);

/// UNIMPLEMENTED with reason UNSUPPORTED.
absl::Status UnsupportedError(std::string_view what);

}  // namespace graphkiln::coordinator
