#include "services/coordinator/core/text.h"

#include <gtest/gtest.h>

#include "common/base/strings.h"

namespace graphkiln::coordinator {
namespace {

TEST(TextTest, NeverCutsInsideACharacter) {
  const std::string_view text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";  // 1, 2, 3, 4 and 1 bytes
  for (size_t most = 0; most <= text.size(); ++most) {
    const std::string_view cut = TruncateUtf8(text, most);
    EXPECT_LE(cut.size(), most);
    EXPECT_TRUE(IsValidUtf8(cut)) << most;
    EXPECT_GT(cut.size() + 4, most);
  }
  EXPECT_EQ(TruncateUtf8(text, 100), text);
}

}  // namespace
}  // namespace graphkiln::coordinator
