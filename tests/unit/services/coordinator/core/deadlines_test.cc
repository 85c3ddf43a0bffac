#include "services/coordinator/core/deadlines.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace graphkiln::coordinator {
namespace {

TEST(DeadlinesTest, PopsInOrderOfTimeAndOnlyWhatIsDue) {
  Deadlines deadlines;
  deadlines.Set(TimerKind::kBackoff, "late", absl::Seconds(3));
  deadlines.Set(TimerKind::kBackoff, "early", absl::Seconds(1));
  deadlines.Set(TimerKind::kStop, "middle", absl::Seconds(2));
  EXPECT_EQ(deadlines.Next(), absl::Seconds(1));
  std::vector<std::string> popped;
  while (auto timer = deadlines.PopExpired(absl::Seconds(2))) popped.push_back(timer->key);
  EXPECT_EQ(popped, (std::vector<std::string>{"early", "middle"}));
  EXPECT_EQ(deadlines.Next(), absl::Seconds(3));
}

TEST(DeadlinesTest, SetReplacesAndCancelRemoves) {
  Deadlines deadlines;
  deadlines.Set(TimerKind::kStop, "job", absl::Seconds(1));
  deadlines.Set(TimerKind::kStop, "job", absl::Seconds(5));
  deadlines.Set(TimerKind::kBackoff, "job", absl::Seconds(2));
  EXPECT_EQ(deadlines.size(), 2u);
  EXPECT_EQ(deadlines.At(TimerKind::kStop, "job"), absl::Seconds(5));
  deadlines.Cancel(TimerKind::kBackoff, "job");
  EXPECT_FALSE(deadlines.PopExpired(absl::Seconds(4)).has_value());
  EXPECT_TRUE(deadlines.PopExpired(absl::Seconds(5)).has_value());
  EXPECT_EQ(deadlines.Next(), absl::InfiniteDuration());
  deadlines.Cancel(TimerKind::kStop, "job");  // no effect
}

TEST(DeadlinesTest, OnlySilenceIsPutOff) {
  Deadlines deadlines;
  deadlines.Set(TimerKind::kWorkerLost, "w", absl::Seconds(30));
  deadlines.Set(TimerKind::kStop, "j", absl::Seconds(40));
  deadlines.Set(TimerKind::kBackoff, "j", absl::Seconds(5));
  deadlines.PutOffSilence(absl::Seconds(100));
  EXPECT_EQ(deadlines.At(TimerKind::kWorkerLost, "w"), absl::Seconds(130));
  EXPECT_EQ(deadlines.At(TimerKind::kStop, "j"), absl::Seconds(140));
  EXPECT_EQ(deadlines.At(TimerKind::kBackoff, "j"), absl::Seconds(5));
  EXPECT_EQ(deadlines.size(), 3u);
}

}  // namespace
}  // namespace graphkiln::coordinator
