#include "services/coordinator/core/offer_refusals.h"

#include <gtest/gtest.h>

namespace graphkiln::coordinator {
namespace {

TEST(OfferRefusalsTest, AWorkerIsLeftOutForLongerWithEachRefusal) {
  OfferRefusals refusals;
  const absl::Duration first = absl::Seconds(5);
  const absl::Duration most = absl::Seconds(12);
  EXPECT_TRUE(refusals.empty());
  EXPECT_EQ(refusals.NextReturn(absl::ZeroDuration()), absl::InfiniteDuration());
  refusals.Add("w", absl::Seconds(100), first, most);
  EXPECT_TRUE(refusals.LeavesOut("w", absl::Seconds(104)));
  EXPECT_FALSE(refusals.LeavesOut("w", absl::Seconds(105)));
  EXPECT_FALSE(refusals.LeavesOut("v", absl::Seconds(104)));
  refusals.Add("w", absl::Seconds(105), first, most);
  refusals.Add("v", absl::Seconds(105), first, most);
  EXPECT_TRUE(refusals.LeavesOut("w", absl::Seconds(114)));
  EXPECT_EQ(refusals.NextReturn(absl::Seconds(106)), absl::Seconds(110));
  EXPECT_EQ(refusals.NextReturn(absl::Seconds(111)), absl::Seconds(115));
  for (int i = 0; i < 100; ++i) refusals.Add("w", absl::Seconds(200), first, most);
  EXPECT_EQ(refusals.NextReturn(absl::Seconds(200)), absl::Seconds(212));
  EXPECT_EQ(refusals.total(), 103);
  refusals.Clear();
  EXPECT_TRUE(refusals.empty());
  EXPECT_FALSE(refusals.LeavesOut("w", absl::Seconds(201)));
}

}  // namespace
}  // namespace graphkiln::coordinator
