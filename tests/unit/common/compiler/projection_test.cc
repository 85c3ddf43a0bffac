#include "common/compiler/projection.h"

#include <gtest/gtest.h>

#include "common/nodes/example.h"

namespace graphkiln::compiler {
namespace {

std::string Chain(const char* from, const char* to) {
  std::string text;
  for (const v1::Node& node : Projection(*nodes::ParseType(from), *nodes::ParseType(to)))
    text += node.type() + " ";
  return text;
}

TEST(Projection, FewLayersLeadFromOneTypeToTheOther) {
  EXPECT_EQ(Chain("float32[B, 3]", "float32[B, 8]"), "Linear ");
  EXPECT_EQ(Chain("float32[B, T, 3]", "float32[B, T, 8]"), "Linear ");
  EXPECT_EQ(Chain("float32[B, 3, 8, 8]", "float32[B, 5, 8, 8]"), "Conv2d ");
  EXPECT_EQ(Chain("float32[B, 3, H, W]", "float32[B, 5, (H-1)//2+1, (W-1)//2+1]"), "Conv2d ");
  EXPECT_EQ(Chain("float32[B, 3, 8, 8]", "float32[B, 5, 5, 5]"), "AdaptiveAvgPool2d Conv2d ");
  EXPECT_EQ(Chain("float32[B, 3, 8]", "float32[B, 3, 16]"), "Linear ");
  EXPECT_EQ(Chain("float32[B, 3, 8, 8]", "float32[B, 192]"), "Reshape ");
  EXPECT_EQ(Chain("float32[B, 3, 8, 8]", "float32[B, 7]"), "Flatten Linear ");
  EXPECT_EQ(Chain("float32[B, 7]", "float32[B, 2, 3]"), "Linear Reshape ");
  EXPECT_EQ(Chain("int64[B, 5]", "float32[B, 5]"), "Cast ");
  EXPECT_EQ(Chain("int64[B, 5]", "float32[B, 5, 3]"), "Cast Linear Reshape ");
}

TEST(Projection, NoneWhereNothingFits) {
  EXPECT_EQ(Chain("float32[B, T]", "float32[B, 3]"), "");
  EXPECT_EQ(Chain("float32[B, 3]", "float32[]"), "");
  EXPECT_EQ(Chain("float32[B, 3]", "float32[A, 3]"), "");
  EXPECT_EQ(Chain("float32[B, 9000000]", "float32[B, 9000000, 2]"), "");
}

}  // namespace
}  // namespace graphkiln::compiler
