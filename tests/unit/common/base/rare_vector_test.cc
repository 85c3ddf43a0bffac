#include "common/base/rare_vector.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace graphkiln {
namespace {

TEST(RareVector, IsOneWordAndEmptyAtFirst) {
  RareVector<std::string> v;
  static_assert(sizeof(v) == sizeof(void*));
  EXPECT_TRUE(v.empty());
  EXPECT_EQ(v.begin(), v.end());
  EXPECT_EQ(v, RareVector<std::string>());
  v.resize(0);
  EXPECT_EQ(v.data(), nullptr);
}

TEST(RareVector, CopiesAreTheirOwn) {
  RareVector<std::string> a = {"x", "y"};
  RareVector<std::string> b = a;
  b[0] = "z";
  b.push_back("w");
  EXPECT_EQ(a, (RareVector<std::string>{"x", "y"}));
  EXPECT_EQ(b, (RareVector<std::string>{"z", "y", "w"}));
  EXPECT_NE(a, b);
  a = std::move(b);
  EXPECT_EQ(a.size(), 3u);
  std::string all;
  for (const std::string& item : a) all += item;
  EXPECT_EQ(all, "zyw");
  a.resize(1);
  EXPECT_EQ(a, (RareVector<std::string>{"z"}));
}

}  // namespace
}  // namespace graphkiln
