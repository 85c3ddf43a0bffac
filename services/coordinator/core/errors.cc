#include "services/coordinator/core/errors.h"

#include <fmt/format.h>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "common/base/strings.h"

namespace graphkiln::coordinator {
namespace {

constexpr char kReasonUrl[] = "graphkiln.dev/error-reason";
constexpr char kMetadataUrlPrefix[] = "graphkiln.dev/error-metadata/";

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

absl::Status MakeError(absl::StatusCode code, v1::ErrorReason reason, std::string_view message,
                       const ErrorMetadata& metadata) {
  absl::Status status(code, ToAbsl(message));
  status.SetPayload(kReasonUrl, absl::Cord(v1::ErrorReason_Name(reason)));
  for (const auto& [key, value] : metadata) {
    status.SetPayload(kMetadataUrlPrefix + key, absl::Cord(value));
  }
  return status;
}

v1::ErrorReason ReasonOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kReasonUrl);
  v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
  if (payload.has_value()) v1::ErrorReason_Parse(std::string(*payload), &reason);
  return reason;
}

ErrorMetadata MetadataOf(const absl::Status& status) {
  ErrorMetadata metadata;
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& value) {
    if (absl::StartsWith(url, kMetadataUrlPrefix)) {
      metadata[std::string(url.substr(sizeof(kMetadataUrlPrefix) - 1))] = std::string(value);
    }
  });
  return metadata;
}

absl::Status NotFoundError(std::string_view kind, std::string_view name) {
  return MakeError(absl::StatusCode::kNotFound, v1::ERROR_REASON_NOT_FOUND,
                   fmt::format("there is no {} {}", kind, QuoteForMessage(name)),
                   {{"resource", std::string(kind)}});
}

absl::Status FieldError(std::string_view field, std::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_FIELD_INVALID,
                   fmt::format("{}: {}", field, message), {{"field", std::string(field)}});
}

absl::Status WrongStateError(std::string_view verb, std::string_view name, std::string_view state) {
  return MakeError(absl::StatusCode::kFailedPrecondition, v1::ERROR_REASON_WRONG_STATE,
                   fmt::format("cannot {} {}: it is {}", verb, QuoteForMessage(name), state),
                   {{"state", std::string(state)}});
}

absl::Status FencedError(std::string_view job, int64_t lease_epoch, std::string_view why) {
  return MakeError(
      absl::StatusCode::kAborted, v1::ERROR_REASON_LEASE_FENCED,
      fmt::format("lease {} of {} is no longer open: {}", lease_epoch, QuoteForMessage(job), why),
      {{"lease_epoch", fmt::format("{}", lease_epoch)}});
}

absl::Status StorageError(std::string_view message) {
  return MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_STORAGE_UNAVAILABLE,
                   fmt::format("the storage refuses writes: {}", message));
}

absl::Status TokenError(std::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_TOKEN_INVALID, message);
}

}  // namespace graphkiln::coordinator
