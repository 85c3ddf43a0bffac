#include "common/ir/dim.h"

#include <gtest/gtest.h>

#include <random>

#include "common/base/status_matchers.h"

namespace graphkiln::ir {
namespace {

Dim P(std::string_view text) {
  const auto dim = Dim::Parse(text);
  EXPECT_TRUE(dim.ok()) << dim.status().ToString();
  return dim.ok() ? *dim : Dim(-1);
}

TEST(Dim, EqualByAlgebra) {
  EXPECT_EQ(P("B+1+B"), P("2*B + 1"));
  EXPECT_EQ(P("(B+1)*(B-1)"), P("B*B-1"));
  EXPECT_EQ(P("B*H"), P("H*B"));
  EXPECT_EQ(P("B-B"), Dim(0));
  EXPECT_NE(P("B"), P("H"));
  EXPECT_NE(P("B"), Dim(4));
}

TEST(Dim, FloorDivisionIsSimplified) {
  EXPECT_EQ(P("(2*H+4)//2"), P("H+2"));
  EXPECT_EQ(P("(H//2)//2"), P("H//4"));
  EXPECT_EQ(P("((H//2)+1)//2"), P("(H+2)//4"));
  EXPECT_EQ(P("(4*H+5)//4"), P("H+1"));
  EXPECT_EQ(P("7//2"), Dim(3));
  EXPECT_EQ(P("(0-7)//2"), Dim(-4));
  EXPECT_EQ(P("(H+1)//2").ToString(), "(H+1)//2");
}

TEST(Dim, TextParsesBackToTheSame) {
  for (const char* text :
       {"B", "2*B+1", "((H+1)//2)*B-3", "B*H*W", "(3*T+1)//2", "-B+5", "0", "17"}) {
    const Dim dim = P(text);
    EXPECT_EQ(P(dim.ToString()), dim) << text << " -> " << dim.ToString();
  }
}

// The canonical form must never change the value: random expressions against plain arithmetic.
TEST(Dim, EvaluatesAsWrittenForRandomExpressions) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    const int64_t h = random() % 50 + 1;
    const int64_t w = random() % 50 + 1;
    Dim dim = Dim::Symbol("H");
    int64_t value = h;
    for (int step = 0; step < 6; ++step) {
      const int64_t k = random() % 5 + 1;
      switch (random() % 5) {
        case 0:
          dim = dim + Dim(k);
          value += k;
          break;
        case 1:
          dim = dim * Dim(k);
          value *= k;
          break;
        case 2:
          dim = dim.FloorDiv(k);
          value = value >= 0 ? value / k : -((-value + k - 1) / k);
          break;
        case 3:
          dim = dim - Dim::Symbol("W");
          value -= w;
          break;
        case 4:
          dim = dim + Dim::Symbol("W") * Dim(k);
          value += w * k;
          break;
      }
    }
    const auto evaluated = dim.Evaluate(
        [&](std::string_view s) -> std::optional<int64_t> { return s == "H" ? h : w; });
    ASSERT_TRUE(evaluated.ok());
    EXPECT_EQ(*evaluated, value) << dim.ToString() << " H=" << h << " W=" << w;
  }
}

TEST(Dim, DividesExactlyOnlyWhereProvable) {
  EXPECT_EQ(P("6*B*H").DivideExact(P("2*B")), P("3*H"));
  EXPECT_EQ(P("B*12+B*4").DivideExact(Dim(16)), P("B"));
  EXPECT_EQ(P("B*5").DivideExact(Dim(2)), std::nullopt);
  EXPECT_EQ(P("B+1").DivideExact(P("B")), std::nullopt);
  EXPECT_EQ(Dim(0).DivideExact(Dim(0)), std::nullopt);
}

TEST(Dim, SaturatesInsteadOfOverflowing) {
  const Dim big(int64_t{1} << 61);
  EXPECT_EQ((big * big).value(), Dim::kSaturated);
  EXPECT_EQ((Dim(0) - big * big).value(), -Dim::kSaturated);
}

// Pooling and joining by turns: T, T//2+T, (T//2+T)//2+T, ...
TEST(Dim, NestedDivisionsEndAndAreReadBack) {
  const auto at = [](int64_t t) { return [t](std::string_view) { return t; }; };
  Dim size = Dim::Symbol("T");
  int64_t value = 101;
  for (int depth = 1; depth <= Dim::kMostDivisions; ++depth) {
    size = size.FloorDiv(2) + Dim::Symbol("T");
    value = value / 2 + 101;
    ASSERT_FALSE(size.IsConst()) << depth;
    const absl::StatusOr<int64_t> evaluated = size.Evaluate(at(101));
    ASSERT_TRUE(evaluated.ok());
    EXPECT_EQ(*evaluated, value) << depth;
    EXPECT_EQ(P(size.ToString()), size) << depth;
  }
  EXPECT_TRUE(size.FloorDiv(2).IsConst(Dim::kSaturated));
}

TEST(Dim, LongTextEndsAndIsReadBack) {
  Dim sum;
  size_t longest = 0;
  for (int i = 0; i < 1000 && !sum.IsConst(Dim::kSaturated); ++i) {
    longest = sum.ToString().size();
    EXPECT_EQ(P(sum.ToString()), sum);
    sum = sum + Dim::Symbol("size_of_thing_number_" + std::to_string(i));
  }
  EXPECT_TRUE(sum.IsConst(Dim::kSaturated));
  EXPECT_GT(longest, Dim::kMostText - 100);
  EXPECT_LE(longest, Dim::kMostText);
  EXPECT_EQ(Dim(5).Weight(), 1);
  EXPECT_EQ(Dim::Symbol("B").Weight(), 1);
  EXPECT_EQ(Dim::Symbol(std::string(160, 'B')).Weight(), 11);
}

TEST(Dim, WhatIsSaturatedStaysSo) {
  const Dim most(Dim::kSaturated);
  const Dim b = Dim::Symbol("B");
  EXPECT_EQ(most + b, most);
  EXPECT_EQ(b + most, most);
  EXPECT_EQ(b - most, Dim(-Dim::kSaturated));
  EXPECT_EQ(most - Dim(5), most);
  EXPECT_EQ(most * b, most);
  EXPECT_EQ(most.FloorDiv(2), most);
  EXPECT_EQ(most.CeilDiv(2), most);
  EXPECT_FALSE(most.DivideExact(Dim(1)).has_value());
  Dim sum;
  for (int i = 0; i < 300; ++i) sum = sum + Dim(2) * Dim::Symbol("a" + std::to_string(i));
  EXPECT_EQ(sum, most);  // more than 256 terms
}

TEST(Dim, BadTextIsRefused) {
  for (const char* text : {"", "B+", "(B", "B//0", "B//H", "3x", "B ? 1", "B)"}) {
    EXPECT_THAT(Dim::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_THAT(Dim::Parse(std::string(500, '(')), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Dim::Parse(std::string(500, '-') + "1"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Dim::Parse(std::string(5000, '1')), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Dim, UnknownSymbolIsAnError) {
  EXPECT_THAT(P("B+1").Evaluate([](std::string_view) { return std::nullopt; }),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace graphkiln::ir
