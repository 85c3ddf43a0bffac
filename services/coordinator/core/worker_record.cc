#include "services/coordinator/core/worker_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/base/status.h"

namespace graphkiln::coordinator {
namespace {

constexpr size_t kClosedIncarnationsKept = 16;

constexpr size_t kMostRegistrationBytes = 128;

bool ReadNumber(std::string_view& text, uint64_t& number) {
  const char* end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || next == end || *next != '-') return false;
  text.remove_prefix(static_cast<size_t>(next - text.data()) + 1);
  return true;
}

}  // namespace

RegistrationRank RegistrationRank::Of(std::string_view registration) {
  RegistrationRank rank;
  if (registration.size() > kMostRegistrationBytes) return {};
  if (!ReadNumber(registration, rank.generation) || !ReadNumber(registration, rank.number)) {
    return {};
  }
  return rank;
}

std::string RegistrationRank::Registration(std::string_view random) const {
  return fmt::format("{}-{}-{}", generation, number, random);
}

bool WorkerRecord::IsLegal(State from, State to) {
  if (from == to || to == State::kQuarantined) return true;
  switch (from) {
    case State::kConnecting:
      return to == State::kActive || to == State::kDraining || to == State::kSuspect ||
             to == State::kLost;
    case State::kActive:
      return to == State::kSuspect || to == State::kDraining || to == State::kConnecting;
    case State::kSuspect:
      return to == State::kActive || to == State::kLost || to == State::kDraining ||
             to == State::kConnecting;
    case State::kDraining:
      return to == State::kActive || to == State::kSuspect || to == State::kGone ||
             to == State::kConnecting;
    case State::kLost:
    case State::kGone:
    case State::kQuarantined:
      return to == State::kConnecting;
  }
  return false;
}

std::string_view WorkerRecord::Name(State state) {
  switch (state) {
    case State::kConnecting:
      return "CONNECTING";
    case State::kActive:
      return "ACTIVE";
    case State::kSuspect:
      return "SUSPECT";
    case State::kLost:
      return "LOST";
    case State::kDraining:
      return "DRAINING";
    case State::kGone:
      return "GONE";
    case State::kQuarantined:
      return "QUARANTINED";
  }
  return "";
}

v1::WorkerState WorkerRecord::PublicState(State state) {
  switch (state) {
    case State::kActive:
      return v1::WORKER_STATE_ACTIVE;
    case State::kConnecting:
    case State::kSuspect:
      return v1::WORKER_STATE_SUSPECT;
    case State::kLost:
    case State::kGone:
      return v1::WORKER_STATE_LOST;
    case State::kDraining:
      return v1::WORKER_STATE_DRAINING;
    case State::kQuarantined:
      return v1::WORKER_STATE_QUARANTINED;
  }
  return v1::WORKER_STATE_UNSPECIFIED;
}

bool WorkerRecord::TransitionTo(State to) {
  if (!IsLegal(state_, to)) {
    GRAPHKILN_BUG("worker.transition", fmt::format("{}: {} -> {}", name_, Name(state_), Name(to)));
    return false;
  }
  state_ = to;
  return true;
}

bool WorkerRecord::superseded(std::string_view old_incarnation) const {
  return std::find(closed_incarnations_.begin(), closed_incarnations_.end(), old_incarnation) !=
         closed_incarnations_.end();
}

void WorkerRecord::StartIncarnation(std::string new_incarnation, std::string new_registration) {
  if (!incarnation.empty() && incarnation != new_incarnation) {
    closed_incarnations_.push_back(std::move(incarnation));
    if (closed_incarnations_.size() > kClosedIncarnationsKept) closed_incarnations_.pop_front();
  }
  incarnation = std::move(new_incarnation);
  registration = std::move(new_registration);
  rank = RegistrationRank::Of(registration);
  report_seq = 0;
  leftovers = 0;
  inventory.Clear();
}

}  // namespace graphkiln::coordinator
