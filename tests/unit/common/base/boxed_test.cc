#include "common/base/boxed.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace graphkiln {
namespace {

TEST(Boxed, CopiesShareUntilOneIsChanged) {
  Boxed<std::string> a(std::string("one"));
  Boxed<std::string> b = a;
  EXPECT_EQ(&*a, &*b);
  b.Mutable() += " two";
  EXPECT_EQ(*a, "one");
  EXPECT_EQ(*b, "one two");
  const std::string* const alone = &*b;
  b.Mutable() += " three";  // nobody else has it
  EXPECT_EQ(&*b, alone);
}

TEST(Boxed, IsMovedAndAssigned) {
  Boxed<std::string> a(std::string("a"));
  const std::string* const value = &*a;
  Boxed<std::string> b = std::move(a);
  EXPECT_EQ(&*b, value);
  a = b;
  EXPECT_EQ(&*a, value);
  a = a;
  EXPECT_EQ(*a, "a");
  a = Boxed<std::string>(std::string("c"));
  EXPECT_EQ(*a, "c");
  EXPECT_EQ(*b, "a");
}

}  // namespace
}  // namespace graphkiln
