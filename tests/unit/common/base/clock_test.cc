#include "common/base/clock.h"

#include <gtest/gtest.h>

namespace graphkiln {
namespace {

TEST(SystemClock, IsSaneAndMonotonic) {
  Clock& clock = SystemClock();
  EXPECT_GT(clock.Now(), absl::FromUnixSeconds(1'600'000'000));
  const absl::Duration first = clock.Monotonic();
  EXPECT_GE(clock.Monotonic(), first);
}

}  // namespace
}  // namespace graphkiln
