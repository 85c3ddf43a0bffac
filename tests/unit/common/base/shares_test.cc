#include "common/base/shares.h"

#include "gtest/gtest.h"

namespace graphkiln {
namespace {

TEST(SharesTest, RoundsToTheNearest) {
  EXPECT_EQ(RowsOfShare(0.2, 150), 30);
  EXPECT_EQ(RowsOfShare(0.001, 59), 0);
  EXPECT_EQ(RowsOfShare(0.2, 1), 0);
  EXPECT_EQ(RowsOfShare(0.5, 1), 1);
  EXPECT_EQ(RowsOfShare(0.25, 10), 3);
  EXPECT_EQ(RowsOfShare(0, 1'000'000), 0);
}

}  // namespace
}  // namespace graphkiln
