#include "common/estimate/gradients.h"

#include <gtest/gtest.h>

namespace graphkiln::estimate {
namespace {

TEST(Gradients, ASecondContributionIsAddedInPlace) {
  Gradients g(2);
  g.Make(0, 100, false);
  g.Add();
  g.Make(0, 100, false);
  EXPECT_EQ(g.live(), 200);
  g.Add();
  EXPECT_EQ(g.live(), 100);
  EXPECT_EQ(g.TakePeak(), 200);
  g.Release(0);
  EXPECT_EQ(g.live(), 0);
  EXPECT_FALSE(g.Has(0));
}

TEST(Gradients, SharedMemoryIsNotWrittenTo) {
  Gradients g(3);
  g.Make(0, 100, false);
  g.Add();
  // 0 = 1 + 2: both get the gradient itself.
  g.Share(1, 0, 100, false);
  g.Share(2, 0, 100, false);
  g.Add();
  g.Release(0);
  EXPECT_EQ(g.live(), 100);
  g.TakePeak();
  g.Make(1, 100, false);
  g.Add();
  EXPECT_EQ(g.TakePeak(), 300) << "the shared one, what is added, the sum";
  EXPECT_EQ(g.live(), 200);
  g.Make(2, 100, false);
  g.Add();
  EXPECT_EQ(g.live(), 200) << "nobody else holds it now";
  EXPECT_EQ(g.TakePeak(), 300);
}

TEST(Gradients, MemoryThatLastsIsNotWrittenTo) {
  Gradients g(1);
  g.Make(0, 100, true);
  g.Add();
  g.Make(0, 100, true);
  g.Add();
  EXPECT_EQ(g.TakePeak(), 300);
  EXPECT_EQ(g.live(), 100);
}

}  // namespace
}  // namespace graphkiln::estimate
