#include "services/worker/daemon/call_error.h"

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace graphkiln::worker {
namespace {

constexpr char kReasonUrl[] = "graphkiln.dev/error-reason";
constexpr char kResourceUrl[] = "graphkiln.dev/error-resource";
constexpr char kTooLarge[] = "TOO_LARGE";
constexpr char kOverload[] = "QUOTA_EXCEEDED";

std::string PayloadOf(const absl::Status& status, const char* url) {
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  return payload.has_value() ? std::string(*payload) : std::string();
}

/// gRPC says RESOURCE_EXHAUSTED for a message or metadata above the peer's limits, which is for
/// ever, and for want of memory or streams, which passes.
std::string ReasonOfBare(absl::StatusCode code, std::string_view message) {
  if (code != absl::StatusCode::kResourceExhausted) {
    return "";
  }
  const bool too_large = message.find("larger than max") != message.npos ||
                         message.find("exceeds limit") != message.npos;
  return too_large ? kTooLarge : kOverload;
}

}  // namespace

absl::Status MakeCallError(absl::StatusCode code, std::string_view message, std::string_view reason,
                           std::string_view resource) {
  absl::Status status(code, absl::string_view(message.data(), message.size()));
  if (!status.ok() && !reason.empty()) {
    status.SetPayload(kReasonUrl, absl::Cord(std::string(reason)));
  }
  if (!status.ok() && !resource.empty()) {
    status.SetPayload(kResourceUrl, absl::Cord(std::string(resource)));
  }
  return status;
}

absl::Status MakeCallError(absl::StatusCode code, std::string_view message,
                           std::string_view details) {
  google::rpc::Status all;
  if (!details.empty() && all.ParseFromArray(details.data(), static_cast<int>(details.size()))) {
    for (const google::protobuf::Any& detail : all.details()) {
      google::rpc::ErrorInfo info;
      if (!detail.Is<google::rpc::ErrorInfo>() || !detail.UnpackTo(&info)) {
        continue;
      }
      const auto resource = info.metadata().find("resource");
      return MakeCallError(code, message, info.reason(),
                           resource == info.metadata().end() ? "" : resource->second);
    }
  }
  return MakeCallError(code, message, ReasonOfBare(code, message), "");
}

std::string ReasonOf(const absl::Status& status) { return PayloadOf(status, kReasonUrl); }

bool IsFenced(const absl::Status& status) { return absl::IsAborted(status); }

bool IsTransient(const absl::Status& status) {
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
      absl::IsUnauthenticated(status)) {
    return true;  // also a token that is being replaced
  }
  const std::string reason = ReasonOf(status);
  return reason == "STORAGE_UNAVAILABLE" || reason == kOverload || reason == "DRAINING";
}

bool IsRefused(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kResourceExhausted:  // here, or too large for the coordinator
      return !IsTransient(status);
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

bool IsJobGone(const absl::Status& status) {
  if (!absl::IsNotFound(status)) {
    return false;
  }
  const std::string resource = PayloadOf(status, kResourceUrl);
  return resource.empty() || resource == "job";
}

}  // namespace graphkiln::worker
