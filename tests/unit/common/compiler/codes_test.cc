#include "common/compiler/codes.h"

#include <gtest/gtest.h>

namespace graphkiln::compiler {
namespace {

TEST(Codes, PagesAreOrderedAndFound) {
  std::string_view last;
  for (const CodePage& page : CodePages()) {
    EXPECT_LT(last, page.code);
    last = page.code;
    EXPECT_FALSE(page.text.empty());
    EXPECT_EQ(FindCode(page.code), &page);
  }
  EXPECT_EQ(FindCode("NOPE"), nullptr);
}

}  // namespace
}  // namespace graphkiln::compiler
