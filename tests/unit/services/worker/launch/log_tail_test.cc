#include "services/worker/launch/log_tail.h"

#include <string>
#include <vector>

#include "common/base/strings.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graphkiln::worker {
namespace {

TEST(LogTailTest, LinesComeWholeWhateverTheChunks) {
  std::vector<std::string> lines;
  LogTail tail([&](std::string_view line) { lines.emplace_back(line); });
  tail.Append("fir");
  tail.Append("st\r\n\nsec");
  EXPECT_THAT(lines, testing::ElementsAre("first"));  // the empty line is no event
  tail.Append("ond\nthird");
  tail.Finish();
  EXPECT_THAT(lines, testing::ElementsAre("first", "second", "third"));
  EXPECT_EQ(tail.LastLine(), "third");
  EXPECT_EQ(tail.Text(), "first\r\n\nsecond\nthird");
}

TEST(LogTailTest, LongLinesAreCutInPieces) {
  std::vector<size_t> sizes;
  LogTail tail([&](std::string_view line) { sizes.push_back(line.size()); });
  tail.Append(std::string(2 * LogTail::kMaxLineBytes + 5, 'x'));
  tail.Append("\n");
  EXPECT_THAT(sizes, testing::ElementsAre(LogTail::kMaxLineBytes, LogTail::kMaxLineBytes, 5u));
}

TEST(LogTailTest, KeepsTheEndFromALineStart) {
  LogTail tail;
  for (int i = 0; i < 100'000; ++i) {
    tail.Append("line " + std::to_string(i) + "\n");
  }
  const std::string text = tail.Text();
  EXPECT_LE(text.size(), LogTail::kKeepBytes);
  EXPECT_GT(text.size(), LogTail::kKeepBytes - 20);
  EXPECT_EQ(text.rfind("line ", 0), 0u);
  EXPECT_EQ(tail.LastLine(), "line 99999");
}

TEST(LogTailTest, AnyBytesComeOutAsUtf8) {
  std::vector<std::string> lines;
  LogTail tail([&](std::string_view line) { lines.emplace_back(line); });
  tail.Append(
      "a\xff\xfe"
      "b \xC3\xA9 \xC3\n");
  const std::string expected =
      "a\xEF\xBF\xBD\xEF\xBF\xBD"
      "b \xC3\xA9 \xEF\xBF\xBD";
  EXPECT_THAT(lines, testing::ElementsAre(expected));
  EXPECT_EQ(tail.LastLine(), expected);
  EXPECT_EQ(tail.Text(), expected + "\n");
  // A character that the bound of a line or of the last line cuts in two.
  std::string umlauts(1, 'x');
  for (int i = 0; i < 3000; ++i) {
    umlauts += "\xC3\xA4";
  }
  tail.Append(umlauts + "\n");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(IsValidUtf8(lines[1]));
  EXPECT_TRUE(IsValidUtf8(lines[2]));
  EXPECT_TRUE(IsValidUtf8(tail.LastLine()));
}

TEST(LogTailTest, LastLineOfNothingIsEmpty) {
  LogTail tail;
  EXPECT_EQ(tail.LastLine(), "");
  tail.Append("\n \n");
  EXPECT_EQ(tail.LastLine(), "");
}

}  // namespace
}  // namespace graphkiln::worker
