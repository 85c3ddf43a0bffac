#include "common/emit/python/layout.h"

#include <gtest/gtest.h>

namespace graphkiln::emit::python {
namespace {

const std::string kLong(40, 'a');

std::string Lines(int indent, std::string_view code, std::string_view comment = "") {
  CodeWriter writer;
  writer.Line(indent, code, comment);
  return writer.Take();
}

TEST(Layout, ShortLinesStay) {
  EXPECT_EQ(Lines(4, "x = f(y)", "[B, 3]"), "    x = f(y)  # [B, 3]\n");
}

TEST(Layout, CommentWithoutRoomGoesAbove) {
  EXPECT_EQ(Lines(0, kLong + " = f(" + kLong + ")", "[B]"),
            "# [B]\n" + kLong + " = f(" + kLong + ")\n");
}

TEST(Layout, CallsBreakInsideTheirBrackets) {
  EXPECT_EQ(Lines(0, kLong + " = f(" + kLong + ", 1, k=2)"),
            kLong + " = f(\n    " + kLong + ", 1, k=2\n)\n");
  EXPECT_EQ(Lines(0, "x = f(" + kLong + ", " + kLong + ", k=2)"),
            "x = f(\n    " + kLong + ",\n    " + kLong + ",\n    k=2,\n)\n");
}

TEST(Layout, SumsGetParentheses) {
  EXPECT_EQ(Lines(0, "result = " + kLong + " + " + kLong),
            "result = (\n    " + kLong + " + " + kLong + "\n)\n");
  EXPECT_EQ(Lines(0, "x = " + kLong + " + " + kLong + " + " + kLong),
            "x = (\n    " + kLong + "\n    + " + kLong + "\n    + " + kLong + "\n)\n");
}

TEST(Layout, CollectionsGoItemByItem) {
  EXPECT_EQ(Lines(0, "return {\"k\": " + kLong + ", \"l\": " + kLong + "}"),
            "return {\n    \"k\": " + kLong + ",\n    \"l\": " + kLong + ",\n}\n");
  EXPECT_EQ(Lines(0, "return " + kLong + ", " + kLong + ", x"),
            "return (\n    " + kLong + ",\n    " + kLong + ",\n    x,\n)\n");
}

TEST(Layout, BracketsInStringsDoNotCount) {
  EXPECT_EQ(Lines(0, "return {\"k)],\": " + kLong + ", '\"': " + kLong + "}"),
            "return {\n    \"k)],\": " + kLong + ",\n    '\"': " + kLong + ",\n}\n");
}

TEST(Layout, LongTargetsMoveTheRightHandSide) {
  EXPECT_EQ(Lines(0, kLong + kLong + " = self.module(x)"),
            kLong + kLong + " = (\n    self.module(x)\n)\n");
}

}  // namespace
}  // namespace graphkiln::emit::python
