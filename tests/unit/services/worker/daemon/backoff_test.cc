#include "services/worker/daemon/backoff.h"

#include "gtest/gtest.h"

namespace graphkiln::worker {
namespace {

TEST(BackoffTest, GrowsWithJitterUpToTheMost) {
  Philox random(1, "backoff");
  Backoff backoff(absl::Milliseconds(500), absl::Seconds(10), random);
  absl::Duration expected = absl::Milliseconds(500);
  for (int i = 0; i < 12; ++i) {
    const absl::Duration pause = backoff.Next();
    EXPECT_GE(pause, 0.8 * expected);
    EXPECT_LE(pause, std::min(1.2 * expected, absl::Seconds(10)));
    expected = std::min(2 * expected, absl::Seconds(10));
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(), absl::Milliseconds(600));
}

TEST(BackoffTest, JitterSpreads) {
  Philox random(2, "backoff");
  absl::Duration low = absl::InfiniteDuration();
  absl::Duration high = absl::ZeroDuration();
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration pause = Jittered(absl::Seconds(5), random);
    low = std::min(low, pause);
    high = std::max(high, pause);
  }
  EXPECT_GE(low, absl::Seconds(4));
  EXPECT_LT(low, absl::Seconds(4.05));
  EXPECT_LE(high, absl::Seconds(6));
  EXPECT_GT(high, absl::Seconds(5.95));
}

}  // namespace
}  // namespace graphkiln::worker
