#include "services/worker/trainer/failure.h"

#include <fmt/format.h>

#include "common/base/status.h"

namespace graphkiln::trainer {

absl::Status UserFault(std::string_view word, std::string_view text) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", word, text));
}

absl::Status MachineFault(std::string_view word, std::string_view text) {
  return absl::UnavailableError(fmt::format("{}: {}", word, text));
}

absl::Status FileFault(const absl::Status& status) {
  if (status.ok()) return status;
  return MachineFault(absl::IsResourceExhausted(status) ? reason::kDiskFull : reason::kIo,
                      MessageOf(status));
}

absl::Status InputFault(std::string_view word, const absl::Status& status) {
  if (status.ok()) return status;
  return UserFault(word, MessageOf(status));
}

v1::Finished::Outcome OutcomeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return v1::Finished::OUTCOME_SUCCEEDED;
    case absl::StatusCode::kCancelled:
      return v1::Finished::OUTCOME_CANCELLED;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return v1::Finished::OUTCOME_FAILED_USER;
    default:
      return v1::Finished::OUTCOME_FAILED_INFRA;
  }
}

}  // namespace graphkiln::trainer
