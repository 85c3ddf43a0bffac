#include "common/base/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace graphkiln {
namespace {

using ::testing::ElementsAre;

// Known answers of the Random123 distribution (kat_vectors, philox4x32 10).
TEST(Philox, MatchesThePublishedVectors) {
  EXPECT_THAT(Philox::Block({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u));
  EXPECT_THAT(Philox::Block({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
              ElementsAre(0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu));
  EXPECT_THAT(Philox::Block({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u},
                            {0xa4093822u, 0x299f31d0u}),
              ElementsAre(0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u));
}

TEST(Philox, SeedAndPurposeChooseTheStream) {
  EXPECT_EQ(Philox(7, "shuffle").NextU64(), Philox(7, "shuffle").NextU64());
  EXPECT_NE(Philox(7, "shuffle").NextU64(), Philox(7, "split").NextU64());
  EXPECT_NE(Philox(7, "shuffle").NextU64(), Philox(8, "shuffle").NextU64());
}

// Stored results of users depend on these figures: they may never change.
TEST(Philox, StreamIsFrozen) {
  Philox stream(7, "shuffle");
  Philox expected(7, "shuffle");
  const uint64_t low = expected.NextU32();
  const uint64_t high = expected.NextU32();
  EXPECT_EQ(stream.NextU64(), low | (high << 32));
  std::vector<int> order(8);
  std::iota(order.begin(), order.end(), 0);
  Philox(7, "shuffle").Shuffle(order);
  EXPECT_THAT(order, ElementsAre(7, 1, 4, 2, 5, 6, 3, 0));
  EXPECT_EQ(Philox(7, "shuffle").NextU32(), 1841455961u);
  EXPECT_DOUBLE_EQ(Philox(7, "init").NextNormal(), 0.9815460187156668);
}

TEST(Philox, SeekReachesAnyBlock) {
  Philox straight(1, "x");
  std::vector<uint32_t> words;
  for (int i = 0; i < 40; ++i) words.push_back(straight.NextU32());
  Philox jump(1, "x");
  jump.NextNormal();
  jump.Seek(5);
  EXPECT_EQ(jump.NextU32(), words[20]);
  jump.Seek(0);
  EXPECT_EQ(jump.NextU32(), words[0]);
}

TEST(Philox, UniformAndNormalHaveTheRightMoments) {
  Philox random(3, "moments");
  constexpr int kCount = 200'000;
  double sum = 0;
  double normal_sum = 0;
  double normal_squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double u = random.NextDouble();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    const double n = random.NextNormal();
    normal_sum += n;
    normal_squares += n * n;
    const float f = random.NextFloat();
    ASSERT_GE(f, 0.0f);
    ASSERT_LT(f, 1.0f);
  }
  EXPECT_NEAR(sum / kCount, 0.5, 0.005);
  EXPECT_NEAR(normal_sum / kCount, 0.0, 0.01);
  EXPECT_NEAR(normal_squares / kCount, 1.0, 0.02);
}

TEST(Philox, NextBelowIsUnbiasedAndInRange) {
  Philox random(4, "below");
  std::vector<int> counts(3);
  for (int i = 0; i < 30'000; ++i) ++counts[random.NextBelow(3)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 400);
  const uint64_t huge = (1ull << 63) + 1;
  for (int i = 0; i < 1000; ++i) ASSERT_LT(random.NextBelow(huge), huge);
  EXPECT_EQ(random.NextBelow(1), 0u);
}

TEST(Philox, ShuffleIsAPermutation) {
  std::vector<uint32_t> order(1000);
  std::iota(order.begin(), order.end(), 0u);
  const std::vector<uint32_t> sorted = order;
  Philox(9, "order").Shuffle(order);
  EXPECT_NE(order, sorted);
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, sorted);
}

TEST(SystemRandom, DoesNotRepeat) { EXPECT_NE(SystemRandom().NextU64(), SystemRandom().NextU64()); }

}  // namespace
}  // namespace graphkiln
