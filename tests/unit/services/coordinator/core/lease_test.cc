#include "services/coordinator/core/lease.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

#include "common/base/status.h"

namespace graphkiln::coordinator {
namespace {

using State = Lease::State;

TEST(LeaseTest, ExactlyTheTransitionsOfTheTableAreLegal) {
  const std::set<std::pair<State, State>> legal = {
      {State::kOffered, State::kActive},   {State::kOffered, State::kRejected},
      {State::kOffered, State::kRevoked},  {State::kOffered, State::kExpired},
      {State::kActive, State::kCompleted}, {State::kActive, State::kFailed},
      {State::kActive, State::kReleased},  {State::kActive, State::kRevoked},
      {State::kActive, State::kExpired}};
  for (int from = 0; from <= static_cast<int>(State::kRejected); ++from) {
    for (int to = 0; to <= static_cast<int>(State::kRejected); ++to) {
      const std::pair<State, State> step(static_cast<State>(from), static_cast<State>(to));
      EXPECT_EQ(Lease::IsLegal(step.first, step.second), legal.contains(step))
          << Lease::Name(step.first) << " -> " << Lease::Name(step.second);
    }
  }
}

TEST(LeaseTest, I4_AnIllegalTransitionIsReportedAndChangesNothing) {
  SetAbortOnBug(false);
  Lease lease(3, "workers/a", "incarnation", absl::Seconds(1));
  EXPECT_TRUE(lease.TransitionTo(State::kActive, absl::Seconds(2)));
  EXPECT_TRUE(lease.TransitionTo(State::kCompleted, absl::Seconds(3)));
  const uint64_t before = BugCounts()["lease.transition"];
  EXPECT_FALSE(lease.TransitionTo(State::kFailed, absl::Seconds(4)));
  EXPECT_EQ(lease.state(), State::kCompleted);
  EXPECT_FALSE(lease.open());
  EXPECT_EQ(lease.active_at(), absl::Seconds(2));
  EXPECT_EQ(BugCounts()["lease.transition"], before + 1);
}

}  // namespace
}  // namespace graphkiln::coordinator
