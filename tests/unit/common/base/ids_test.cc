#include "common/base/ids.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace graphkiln {
namespace {

TEST(Ids, UidIs32HexCharactersFromTheSource) {
  Philox random(1, "ids");
  const std::string first = NewUid(random);
  EXPECT_THAT(first, ::testing::MatchesRegex("[0-9a-f]{32}"));
  EXPECT_NE(first, NewUid(random));
  Philox again(1, "ids");
  EXPECT_EQ(first, NewUid(again));
}

TEST(Ids, ResourceIdFollowsItsPattern) {
  for (const char* good : {"a", "iris-mlp", "a1", "job-2024-01-01"}) {
    EXPECT_TRUE(IsResourceId(good)) << good;
  }
  for (const char* bad : {"", "A", "1a", "-a", "a-", "a_b", "a/b", "../x", "a.b", "ä"}) {
    EXPECT_FALSE(IsResourceId(bad)) << bad;
  }
  EXPECT_TRUE(IsResourceId(std::string(63, 'a')));
  EXPECT_FALSE(IsResourceId(std::string(64, 'a')));
}

TEST(Ids, AnyTextBecomesAResourceId) {
  EXPECT_EQ(ToResourceId("Iris_MLP v2"), "iris-mlp-v2");
  EXPECT_EQ(ToResourceId("../../etc/passwd"), "etc-passwd");
  EXPECT_EQ(ToResourceId("123"), "x");
  EXPECT_EQ(ToResourceId(std::string(62, 'a') + "--b"), std::string(62, 'a'));
  EXPECT_TRUE(IsResourceId(ToResourceId(std::string(500, 'Q'))));
}

}  // namespace
}  // namespace graphkiln
