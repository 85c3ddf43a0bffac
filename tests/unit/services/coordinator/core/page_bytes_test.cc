#include "services/coordinator/core/page_bytes.h"

#include <gtest/gtest.h>

namespace graphkiln::coordinator {
namespace {

TEST(PageBytesTest, FirstItemAlwaysFitsTheRestWhileThereIsRoom) {
  PageBytes huge;
  EXPECT_TRUE(huge.Take(100 << 20));
  EXPECT_FALSE(huge.Take(1));
  PageBytes page;
  EXPECT_TRUE(page.Take(2 << 20));
  EXPECT_TRUE(page.Take(1 << 20));
  EXPECT_TRUE(page.Take(0));
  EXPECT_FALSE(page.Take(1));
}

}  // namespace
}  // namespace graphkiln::coordinator
