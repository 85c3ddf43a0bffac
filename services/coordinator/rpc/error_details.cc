#include "services/coordinator/rpc/error_details.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "google/rpc/error_details.pb.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

constexpr char kDiagnosticsUrl[] = "graphkiln.dev/diagnostics";
constexpr std::string_view kReasonPrefix = "ERROR_REASON_";
constexpr size_t kMaxMessageBytes = 1024;
constexpr size_t kMaxMetadataValue = 256;
constexpr size_t kMaxMetadataEntries = 8;
constexpr size_t kMaxViolationText = 160;
constexpr int64_t kRetrySeconds = 1;

// The reason where the core named none.
v1::ErrorReason ReasonByCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return v1::ERROR_REASON_FIELD_INVALID;
    case absl::StatusCode::kNotFound:
      return v1::ERROR_REASON_NOT_FOUND;
    case absl::StatusCode::kAlreadyExists:
      return v1::ERROR_REASON_ALREADY_EXISTS;
    case absl::StatusCode::kFailedPrecondition:
      return v1::ERROR_REASON_WRONG_STATE;
    case absl::StatusCode::kAborted:
      return v1::ERROR_REASON_ETAG_MISMATCH;
    case absl::StatusCode::kResourceExhausted:
      return v1::ERROR_REASON_QUOTA_EXCEEDED;
    case absl::StatusCode::kUnauthenticated:
      return v1::ERROR_REASON_UNAUTHENTICATED;
    case absl::StatusCode::kPermissionDenied:
      return v1::ERROR_REASON_PERMISSION_DENIED;
    case absl::StatusCode::kUnavailable:
      return v1::ERROR_REASON_DRAINING;
    case absl::StatusCode::kUnimplemented:
      return v1::ERROR_REASON_UNSUPPORTED;
    default:
      return v1::ERROR_REASON_INTERNAL;
  }
}

// At most `most` bytes, cut between characters.
std::string Shorten(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  size_t end = most - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "...";
}

bool IsOurFault(absl::StatusCode code) {
  return code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kDataLoss;
}

std::optional<v1::ValidateResponse> DiagnosticsOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kDiagnosticsUrl);
  v1::ValidateResponse response;
  if (!payload.has_value() || !response.ParseFromString(std::string(*payload))) return std::nullopt;
  return response;
}

// Adds `message` as a detail if all stays below `limit`.
bool AddDetail(const google::protobuf::Message& message, size_t limit,
               google::rpc::Status* status) {
  status->add_details()->PackFrom(message);
  if (status->ByteSizeLong() <= limit) return true;
  status->mutable_details()->RemoveLast();
  return false;
}

// As many diagnostics as fit: whole first, then without their fixes, then fewer of them.
void AddDiagnostics(const v1::ValidateResponse& all, size_t limit, google::rpc::Status* status) {
  if (AddDetail(all, limit, status)) return;
  v1::ValidateResponse some = all;
  for (v1::Diagnostic& diagnostic : *some.mutable_diagnostics()) diagnostic.clear_fixes();
  while (some.diagnostics_size() > 0) {
    if (AddDetail(some, limit, status)) return;
    const int keep = some.diagnostics_size() / 2;
    some.mutable_diagnostics()->DeleteSubrange(keep, some.diagnostics_size() - keep);
  }
}

std::string FieldOf(const v1::Diagnostic& diagnostic) {
  if (!diagnostic.path().empty()) return diagnostic.path();
  if (diagnostic.node().empty()) return "graph";
  std::string field = fmt::format("graph.nodes[{}]", diagnostic.node());
  if (!diagnostic.param().empty()) return field + ".params." + diagnostic.param();
  if (!diagnostic.port().empty()) return field + ".inputs." + diagnostic.port();
  return field;
}

google::rpc::BadRequest BadRequestOf(const ErrorMetadata& metadata, std::string_view message,
                                     const std::optional<v1::ValidateResponse>& diagnostics) {
  google::rpc::BadRequest bad;
  if (diagnostics.has_value()) {
    for (const v1::Diagnostic& diagnostic : diagnostics->diagnostics()) {
      if (diagnostic.severity() != v1::SEVERITY_ERROR) continue;
      if (bad.field_violations_size() == kMaxFieldViolations) break;
      auto* violation = bad.add_field_violations();
      violation->set_field(Shorten(FieldOf(diagnostic), kMaxViolationText));
      violation->set_description(Shorten(diagnostic.message(), kMaxViolationText));
    }
  } else if (const auto field = metadata.find("field"); field != metadata.end()) {
    auto* violation = bad.add_field_violations();
    violation->set_field(Shorten(field->second, kMaxViolationText));
    violation->set_description(Shorten(message, kMaxViolationText));
  }
  return bad;
}

void AddBadRequest(google::rpc::BadRequest bad, google::rpc::Status* status) {
  while (bad.field_violations_size() > 0) {
    if (AddDetail(bad, kMaxErrorBytes, status)) return;
    const int keep = bad.field_violations_size() / 2;
    bad.mutable_field_violations()->DeleteSubrange(keep, bad.field_violations_size() - keep);
  }
}

}  // namespace

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status result;
  result.set_code(static_cast<int>(status.code()));
  if (status.ok()) return result;
  v1::ErrorReason reason = ReasonOf(status);
  if (reason == v1::ERROR_REASON_UNSPECIFIED) reason = ReasonByCode(status.code());
  ErrorMetadata metadata = MetadataOf(status);
  if (IsOurFault(status.code())) {
    const std::string id = NewUid(SystemRandom()).substr(0, 12);
    KILN_ERROR("internal error {}: {}", id, MessageOf(status));
    result.set_message(fmt::format("internal error {}; the server's log says more", id));
    reason = v1::ERROR_REASON_INTERNAL;
    metadata = {{"error_id", id}};
  } else {
    result.set_message(Shorten(MessageOf(status), kMaxMessageBytes));
  }
  if (status.code() == absl::StatusCode::kCancelled ||
      status.code() == absl::StatusCode::kDeadlineExceeded) {
    return result;  // the caller's own doing: no reason of ours
  }

  google::rpc::ErrorInfo info;
  info.set_reason(v1::ErrorReason_Name(reason).substr(kReasonPrefix.size()));
  info.set_domain("graphkiln");
  for (const auto& [key, value] : metadata) {
    if (info.metadata().size() == kMaxMetadataEntries) break;
    (*info.mutable_metadata())[Shorten(key, 64)] = Shorten(value, kMaxMetadataValue);
  }
  const std::optional<v1::ValidateResponse> diagnostics = DiagnosticsOf(status);
  AddDetail(info, kMaxErrorBytes, &result);
  const auto after = metadata.find("retry_after_seconds");
  const bool transient = after != metadata.end() || reason == v1::ERROR_REASON_QUOTA_EXCEEDED ||
                         reason == v1::ERROR_REASON_STORAGE_UNAVAILABLE ||
                         reason == v1::ERROR_REASON_DRAINING;
  if (transient) {
    google::rpc::RetryInfo retry;
    int64_t seconds = kRetrySeconds;
    if (after != metadata.end() && !absl::SimpleAtoi(after->second, &seconds)) {
      seconds = kRetrySeconds;
    }
    retry.mutable_retry_delay()->set_seconds(seconds);
    AddDetail(retry, kMaxErrorBytes, &result);
  }
  // The full diagnostics say all that BadRequest says and more, so they get the larger share.
  if (diagnostics.has_value()) AddDiagnostics(*diagnostics, kMaxErrorBytes * 3 / 4, &result);
  AddBadRequest(BadRequestOf(metadata, result.message(), diagnostics), &result);
  return result;
}

absl::Status DiagnosticsError(v1::ErrorReason reason, std::string_view what,
                              const std::vector<v1::Diagnostic>& diagnostics) {
  v1::ValidateResponse response;
  const v1::Diagnostic* first = nullptr;
  int errors = 0;
  for (const v1::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity() != v1::SEVERITY_ERROR) continue;
    if (first == nullptr) first = &diagnostic;
    ++errors;
    *response.add_diagnostics() = diagnostic;
  }
  for (const v1::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity() != v1::SEVERITY_ERROR) *response.add_diagnostics() = diagnostic;
  }
  std::string message = fmt::format("the {} has {} error{}", what, errors, errors == 1 ? "" : "s");
  if (first != nullptr) {
    const std::string& place = first->node().empty() ? first->path() : first->node();
    message += fmt::format("; {}{}{}", place, place.empty() ? "" : ": ", first->message());
  }
  absl::Status status = MakeError(absl::StatusCode::kInvalidArgument, reason, message,
                                  {{"errors", fmt::format("{}", errors)}});
  status.SetPayload(kDiagnosticsUrl, absl::Cord(response.SerializeAsString()));
  return status;
}

absl::Status UnsupportedError(std::string_view what) {
  return MakeError(absl::StatusCode::kUnimplemented, v1::ERROR_REASON_UNSUPPORTED,
                   fmt::format("this server does not {} yet", what));
}

}  // namespace graphkiln::coordinator
