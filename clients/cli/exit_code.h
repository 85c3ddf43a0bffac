// The exit codes that scripts rely on (released surface: they only grow).
#pragma once

#include "absl/status/status.h"

namespace graphkiln::cli {

enum ExitCode : int {
  kOk = 0,
  kFailure = 1,  // internal or other failure; `diff`: different
  kUsage = 2,    // wrong command line
  kInvalid = 3,  // the graph, job or data is invalid
  kNotFound = 4,
  kNotAllowed = 5,
  kJobFailed = 6,  // the job failed or was cancelled
  kTimedOut = 7,
  kUnreachable = 8,  // no server
  kInterrupted = 130,
};

/// For a failed call or operation.
inline int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kOk;
    case absl::StatusCode::kInvalidArgument:
      return kInvalid;
    case absl::StatusCode::kOutOfRange:
      return kUsage;  // of our own flags; see ParseInputFlag
    case absl::StatusCode::kNotFound:
      return kNotFound;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return kNotAllowed;
    case absl::StatusCode::kDeadlineExceeded:
      return kTimedOut;
    case absl::StatusCode::kUnavailable:
      return kUnreachable;
    default:
      return kFailure;
  }
}

}  // namespace graphkiln::cli
