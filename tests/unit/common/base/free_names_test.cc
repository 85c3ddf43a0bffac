#include "common/base/free_names.h"

#include "gtest/gtest.h"

namespace graphkiln {
namespace {

TEST(FreeNames, GivesEachNameOnce) {
  FreeNames names;
  names.Take("a");
  names.Take("a_3");
  EXPECT_EQ(names.New("b"), "b");
  EXPECT_EQ(names.New("a"), "a_2");
  EXPECT_EQ(names.New("a"), "a_4");
  EXPECT_EQ(names.New("a_2"), "a_2_2");
  EXPECT_EQ(names.New("b", "~"), "b~2");
}

}  // namespace
}  // namespace graphkiln
