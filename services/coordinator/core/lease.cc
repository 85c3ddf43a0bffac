#include "services/coordinator/core/lease.h"

#include <fmt/format.h>

#include "common/base/status.h"

namespace graphkiln::coordinator {

bool Lease::IsLegal(State from, State to) {
  switch (from) {
    case State::kOffered:
      return to == State::kActive || to == State::kRejected || to == State::kRevoked ||
             to == State::kExpired;
    case State::kActive:
      return to == State::kCompleted || to == State::kFailed || to == State::kReleased ||
             to == State::kRevoked || to == State::kExpired;
    default:
      return false;
  }
}

std::string_view Lease::Name(State state) {
  switch (state) {
    case State::kOffered:
      return "OFFERED";
    case State::kActive:
      return "ACTIVE";
    case State::kCompleted:
      return "COMPLETED";
    case State::kFailed:
      return "FAILED";
    case State::kReleased:
      return "RELEASED";
    case State::kRevoked:
      return "REVOKED";
    case State::kExpired:
      return "EXPIRED";
    case State::kRejected:
      return "REJECTED";
  }
  return "";
}

bool Lease::TransitionTo(State to, absl::Duration now) {
  if (!IsLegal(state_, to)) {
    GRAPHKILN_BUG("lease.transition",
                  fmt::format("epoch {}: {} -> {}", epoch_, Name(state_), Name(to)));
    return false;
  }
  state_ = to;
  if (to == State::kActive) active_at_ = now;
  return true;
}

}  // namespace graphkiln::coordinator
