#include "common/base/strings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace graphkiln {
namespace {

using ::testing::ElementsAre;

TEST(StringMap, FindsByView) {
  StringMap<int> map;
  map["conv"] = 3;
  const std::string_view key = std::string_view("conv2d").substr(0, 4);
  ASSERT_TRUE(map.contains(key));
  EXPECT_EQ(map.find(key)->second, 3);
  EXPECT_FALSE(map.contains(std::string_view("con")));
}

TEST(NearestName, FindsTheLikelyOne) {
  const std::vector<std::string> names = {"Linear",      "Bilinear", "LayerNorm", "out_features",
                                          "in_features", "ReLU",     "GELU"};
  EXPECT_EQ(NearestName("Liner", names), "Linear");
  EXPECT_EQ(NearestName("outfeatures", names), "out_features");
  EXPECT_EQ(NearestName("out_featurs", names), "out_features");
  EXPECT_EQ(NearestName("relu", names), "ReLU");
  EXPECT_EQ(NearestName("LayreNorm", names), "LayerNorm");
  EXPECT_EQ(NearestName("Transformer", names), std::nullopt);
  EXPECT_EQ(NearestName("", names), std::nullopt);
}

TEST(NearestName, TiesGoToTheFirstInTheAlphabet) {
  EXPECT_EQ(NearestName("fc0", std::vector<std::string>{"fc2", "fc1", "fc3"}), "fc1");
}

TEST(NearestName, HostileLengthsCostNothing) {
  EXPECT_EQ(NearestName(std::string(50'000'000, 'a'), std::vector<std::string>{"a"}), std::nullopt);
}

TEST(EditDistance, CountsSwapsOnceAndStopsAtTheLimit) {
  EXPECT_EQ(EditDistance("kitten", "sitting", 10), 3u);
  EXPECT_EQ(EditDistance("form", "from", 10), 1u);
  EXPECT_EQ(EditDistance("", "abc", 10), 3u);
  EXPECT_EQ(EditDistance("abcdef", "uvwxyz", 2), 3u);
}

TEST(QuoteForMessage, EscapesWhatCouldMislead) {
  EXPECT_EQ(QuoteForMessage("plain"), "\"plain\"");
  EXPECT_EQ(QuoteForMessage("a\nb\t\"\\\x1b[31m"), "\"a\\nb\\t\\\"\\\\\\x1b[31m\"");
  EXPECT_EQ(QuoteForMessage("\xff\xfe"), "\"\\xff\\xfe\"");
  EXPECT_EQ(QuoteForMessage("\xc2\x9b"), "\"\\xc2\\x9b\"");
  EXPECT_EQ(QuoteForMessage("größe"), "\"größe\"");
  EXPECT_EQ(QuoteForMessage("abcdef", 3), "\"abc...\"");
  EXPECT_EQ(QuoteForMessage("abö", 3), "\"ab...\"");
}

TEST(Utf8, FindsTheFirstBadByte) {
  size_t offset = 0;
  EXPECT_TRUE(IsValidUtf8("größe €😀"));
  for (const char* bad : {"ok\xc0\x80", "ok\xed\xa0\x80", "ok\xf4\x90\x80\x80", "ok\xe2\x82",
                          "ok\x80", "ok\xe0\x80\x80"}) {
    EXPECT_FALSE(IsValidUtf8(bad, &offset)) << QuoteForMessage(bad);
    EXPECT_EQ(offset, 2u);
  }
}

TEST(GlobMatch, StarAndQuestionMark) {
  EXPECT_TRUE(GlobMatch("sepal*", "sepal_length"));
  EXPECT_TRUE(GlobMatch("*", ""));
  EXPECT_TRUE(GlobMatch("p?xel_*_*", "pixel_0_7"));
  EXPECT_FALSE(GlobMatch("sepal", "sepal_length"));
  EXPECT_FALSE(GlobMatch("?", ""));
  EXPECT_TRUE(GlobMatch("a*b*c", "a__b_bbb_c"));
  EXPECT_FALSE(GlobMatch("a*b*c", "a__b_bbb_"));
}

TEST(GlobMatch, ManyStarsStayPolynomial) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  EXPECT_FALSE(GlobMatch(pattern + "b", std::string(20'000, 'a')));
}

TEST(Views, SplitAndTrim) {
  EXPECT_THAT(SplitView("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(SplitView("", ','), ElementsAre(""));
  EXPECT_EQ(TrimView(" \t x y\r\n"), "x y");
  EXPECT_EQ(ToLowerAscii("AbC-9Ä"), "abc-9Ä");
}

TEST(HumanBytes, PicksTheUnit) {
  EXPECT_EQ(HumanBytes(512), "512 B");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes(64ull << 20), "64 MiB");
  EXPECT_EQ(HumanBytes((1ull << 20) - 1), "1 MiB");
}

}  // namespace
}  // namespace graphkiln
