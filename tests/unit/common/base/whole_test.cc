#include "common/base/whole.h"

#include <gtest/gtest.h>

#include <limits>

namespace graphkiln {
namespace {

TEST(SaturatedInt64, CutsAndSaturates) {
  EXPECT_EQ(SaturatedInt64(2.9), 2);
  EXPECT_EQ(SaturatedInt64(-2.9), -2);
  EXPECT_EQ(SaturatedInt64(0x1p62), int64_t{1} << 62);
  EXPECT_EQ(SaturatedInt64(0x1p63), INT64_MAX);
  EXPECT_EQ(SaturatedInt64(-0x1p63), INT64_MIN);
  EXPECT_EQ(SaturatedInt64(-1e53), INT64_MIN);
  EXPECT_EQ(SaturatedInt64(std::numeric_limits<double>::infinity()), INT64_MAX);
  EXPECT_EQ(SaturatedInt64(std::numeric_limits<double>::quiet_NaN()), 0);
}

}  // namespace
}  // namespace graphkiln
