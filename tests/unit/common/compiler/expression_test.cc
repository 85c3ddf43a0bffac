#include "common/compiler/expression.h"

#include <gtest/gtest.h>

#include "common/base/status_matchers.h"
#include "common/nodes/param_spec.h"

namespace graphkiln::compiler {
namespace {

class Scope final : public ExpressionScope {
 public:
  std::optional<v1::Value> Variable(std::string_view name) const override {
    v1::Value value;
    if (name == "width")
      value.set_int_value(32);
    else if (name == "rate")
      value.set_double_value(0.25);
    else if (name == "mode")
      value.set_string_value("last");
    else
      return std::nullopt;
    return value;
  }
  std::optional<v1::Value> InputDim(std::string_view port, int64_t dim) const override {
    if (port != "input" || dim != 1) return std::nullopt;
    v1::Value value;
    value.set_int_value(64);
    return value;
  }
  std::optional<int64_t> InputRank(std::string_view port) const override {
    return port == "input" ? std::optional<int64_t>(4) : std::nullopt;
  }
};

std::string Result(std::string_view text) {
  const auto value = Evaluate(text, Scope());
  return value.ok() ? nodes::ValueText(*value) : "error";
}

// Values as Python gives them.
TEST(Expression, FollowsPython) {
  EXPECT_EQ(Result("$width * 2 + 1"), "65");
  EXPECT_EQ(Result("-7 // 2"), "-4");
  EXPECT_EQ(Result("-7 % 3"), "2");
  EXPECT_EQ(Result("7 / 2"), "3.5");
  EXPECT_EQ(Result("2 + 3 * 4 - 1"), "13");
  EXPECT_EQ(Result("not 1 == 2 and 3 > 2"), "true");
  EXPECT_EQ(Result("1 if $width > 100 else [2, 3]"), "[2, 3]");
  EXPECT_EQ(Result("[1, 2, 3][-1]"), "3");
  EXPECT_EQ(Result("$mode == 'last'"), "true");
  EXPECT_EQ(Result("max(1, $width, 5) + min(2, 3) + len([1, 2])"), "36");
  EXPECT_EQ(Result("int($rate * 10)"), "2");
  EXPECT_EQ(Result("input.dim(1) // 8 + input.rank"), "12");
}

// What is not taken is not evaluated, so that a condition can guard it.
TEST(Expression, BranchesThatAreNotTakenMayBeWrong) {
  EXPECT_EQ(Result("4 // $nothing if false else 2"), "2");
  EXPECT_EQ(Result("2 if true else other.dim(0) // 0"), "2");
  EXPECT_EQ(Result("(1 / 0) if $width < 3 else (3 if true else [1][7])"), "3");
  EXPECT_EQ(Result("true or 1 / 0 > 1"), "true");
  EXPECT_EQ(Result("false and foo(1)"), "false");
  EXPECT_EQ(Result("1 / 0 if true else 2"), "error");
  EXPECT_EQ(Result("(1 if false else"), "error");
  // A fault deep inside costs no more than its length.
  EXPECT_EQ(Result(std::string(60, '(') + "$nothing" + std::string(60, ')')), "error");
  EXPECT_EQ(Result(std::string(60, '(') + "1 +" + std::string(60, ')')), "error");
}

TEST(Expression, WholeNumbersAreComparedAsSuch) {
  EXPECT_EQ(Result("9007199254740993 > 9007199254740992"), "true");
  EXPECT_EQ(Result("max(9007199254740992, 9007199254740993)"), "9007199254740993");
  EXPECT_EQ(Result("1 <= 1.0"), "true");
}

TEST(Expression, NamesItsVariables) {
  StringSet names;
  VariablesIn("$a * ($b2 + '$c') if \"$d\" == $_e else $", &names);
  EXPECT_EQ(names, (StringSet{"a", "b2", "_e", ""}));
}

TEST(Expression, FaultsAreNamed) {
  for (const char* text : {"", "$nothing", "1 +", "1 / 0", "5 % 0", "(1", "[1, 2",
                           "9223372036854775807 + 1", "foo(1)", "input.dim(0)", "other.rank",
                           "[1][5]", "'a' + 1", "1 2", "'open", "99999999999999999999"}) {
    EXPECT_THAT(Evaluate(text, Scope()), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(Expression, DepthAndLengthAreBounded) {
  EXPECT_FALSE(Evaluate(std::string(3000, '('), Scope()).ok());
  EXPECT_FALSE(Evaluate(std::string(3000, '['), Scope()).ok());
  EXPECT_FALSE(Evaluate(std::string(100000, '1'), Scope()).ok());
  EXPECT_TRUE(Evaluate(std::string(3000, '-') + "1", Scope()).ok());
}

TEST(Expression, Interpolation) {
  ASSERT_OK_AND_ASSIGN(const std::string text, Interpolate("Conv{input.rank - 2}d", Scope()));
  EXPECT_EQ(text, "Conv2d");
  EXPECT_FALSE(Interpolate("a{b", Scope()).ok());
}

}  // namespace
}  // namespace graphkiln::compiler
