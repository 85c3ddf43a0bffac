#include "services/worker/daemon/drain_wait.h"

#include "gtest/gtest.h"

namespace graphkiln::worker {
namespace {

absl::Duration At(double seconds) { return absl::Seconds(1000 + seconds); }

TEST(DrainWaitTest, SilenceCountsOverManyQuestions) {
  DrainWait wait;
  wait.Begin(At(0), absl::ZeroDuration());
  for (double t = 0; t < 2.9; t += 0.2) {
    EXPECT_FALSE(wait.GivesUp(At(t), /*connected=*/false, /*active=*/false)) << t;
  }
  EXPECT_TRUE(wait.GivesUp(At(3), false, false));
}

TEST(DrainWaitTest, CoordinatorThatComesBackIsServed) {
  DrainWait wait;
  wait.Begin(At(0), absl::ZeroDuration());
  EXPECT_FALSE(wait.GivesUp(At(1), false, true));
  EXPECT_FALSE(wait.GivesUp(At(60), true, true));
  EXPECT_FALSE(wait.GivesUp(At(61), false, true));
  EXPECT_FALSE(wait.GivesUp(At(65), false, true));
  EXPECT_TRUE(wait.GivesUp(At(66), false, true));
}

TEST(DrainWaitTest, TrainersKeepTheirDeadline) {
  DrainWait wait;
  wait.Begin(At(0), absl::Seconds(30));
  wait.Begin(At(20), absl::Seconds(30));  // no effect
  EXPECT_FALSE(wait.GivesUp(At(0), false, true));
  EXPECT_FALSE(wait.GivesUp(At(34), false, true));
  EXPECT_TRUE(wait.GivesUp(At(35), false, true));
}

}  // namespace
}  // namespace graphkiln::worker
