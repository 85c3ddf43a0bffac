// Errors with a published reason.
//
// The cores know absl::Status only; the reason of `error_reason.proto` and its metadata ride in
// status payloads, and rpc/ turns them into google.rpc.ErrorInfo in one place. Any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "graphkiln/v1/error_reason.pb.h"

namespace graphkiln::coordinator {

using ErrorMetadata = std::map<std::string, std::string>;

/// REQUIRES: code is not OK.
absl::Status MakeError(absl::StatusCode code, v1::ErrorReason reason, std::string_view message,
                       const ErrorMetadata& metadata = {});

/// The reason that MakeError attached; UNSPECIFIED where there is none.
v1::ErrorReason ReasonOf(const absl::Status& status);
/// The metadata that MakeError attached.
ErrorMetadata MetadataOf(const absl::Status& status);

/// The errors that several places raise, so that their texts stay alike.
absl::Status NotFoundError(std::string_view kind, std::string_view name);
absl::Status FieldError(std::string_view field, std::string_view message);
absl::Status WrongStateError(std::string_view verb, std::string_view name, std::string_view state);
absl::Status FencedError(std::string_view job, int64_t lease_epoch, std::string_view why);
absl::Status StorageError(std::string_view message);
absl::Status TokenError(std::string_view message);

}  // namespace graphkiln::coordinator
