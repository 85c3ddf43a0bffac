#include "services/worker/launch/log_tail.h"

#include <string>
#include <vector>

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

TEST(LogTailTest, LastLineOfNothingIsEmpty) {
  LogTail tail;
  EXPECT_EQ(tail.LastLine(), "");
  tail.Append("\n \n");
  EXPECT_EQ(tail.LastLine(), "");
}

}  // namespace
}  // namespace graphkiln::worker
