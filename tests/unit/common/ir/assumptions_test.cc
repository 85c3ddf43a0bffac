#include "common/ir/assumptions.h"

#include <gtest/gtest.h>

#include <random>

#include "fmt/format.h"

namespace graphkiln::ir {
namespace {

Dim D(std::string_view text) { return *Dim::Parse(text); }

TEST(Assumptions, LowerBoundsAreSolvedForTheSymbol) {
  EXPECT_EQ(AtLeast(D("T"), 3).ToString(), "T is 3 or more");
  EXPECT_EQ(AtLeast(D("T-3"), 0).ToString(), "T is 3 or more");
  EXPECT_EQ(AtLeast(D("(T-3)//2+1"), 1).ToString(), "T is 3 or more");
  EXPECT_EQ(AtLeast(D("2*((T-3)//2)+4"), 5).ToString(), "T is 5 or more");
  EXPECT_EQ(AtLeast(D("3*T+1"), 5).ToString(), "T is 2 or more");
  EXPECT_EQ(AtLeast(D("T-B+4"), 0).ToString(), "-B+T is -4 or more");
  EXPECT_EQ(AtLeast(D("7-T"), 0).ToString(), "-T is -7 or more");
}

// The statement about the part holds exactly where that about the whole does.
TEST(Assumptions, SolvingChangesNoTruth) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    const auto number = [&](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(random);
    };
    Dim size = Dim::Symbol("T");
    for (int step = 0; step < 4; ++step) {
      size = size * Dim(number(1, 3)) + Dim(number(-6, 6));
      size = size.FloorDiv(number(1, 4));
    }
    if (size.IsConst()) continue;
    const int64_t least = number(-5, 9);
    const Assumption solved = AtLeast(size, least);
    for (int64_t t = 1; t < 40; ++t) {
      const auto at = [&](std::string_view) { return std::optional<int64_t>(t); };
      ASSERT_EQ(*solved.Holds(at), *size.Evaluate(at) >= least)
          << size.ToString() << " >= " << least << " at " << t << ": " << solved.ToString();
    }
  }
}

TEST(Assumptions, LowerBoundIsNeverAboveTheValue) {
  for (const char* text : {"T", "T-1", "T*B", "T//2", "(T-3)//2", "2*T+3*B-4", "B-T", "T*(B//2)"}) {
    const Dim size = D(text);
    const auto bound = size.LowerBound();
    for (int64_t t = 1; bound && t < 9; ++t) {
      for (int64_t b = 1; b < 9; ++b) {
        const auto at = [&](std::string_view s) {
          return std::optional<int64_t>(s == "T" ? t : b);
        };
        EXPECT_GE(*size.Evaluate(at), *bound) << text;
      }
    }
  }
  EXPECT_EQ(D("T-1").LowerBound(), 0);
  EXPECT_EQ(D("2*T+3*B-4").LowerBound(), 1);
  EXPECT_EQ(D("B-T").LowerBound(), std::nullopt);
}

TEST(Assumptions, TheLargestBoundOfASizeStays) {
  Assumptions all;
  all.Add({D("T"), 3, 1, 0});
  all.Add({D("T"), 5, 1, 1});
  all.Add({D("T"), 4, 1, 2});
  all.Add({D("T"), 0, 2, 3});
  ASSERT_EQ(all.all().size(), 2u);
  EXPECT_EQ(all.all()[0].ToString(), "T is 5 or more");
  EXPECT_EQ(all.all()[0].source, 1);
  EXPECT_EQ(all.all()[1].ToString(), "T is a multiple of 2");
}

// What was replaced since the mark is there again.
TEST(Assumptions, AreTakenBack) {
  const auto dim = [](const char* text) { return *Dim::Parse(text); };
  Assumptions assumptions;
  assumptions.Add({dim("T"), 3});
  const size_t mark = assumptions.mark();
  assumptions.Add({dim("T"), 5, 1, 7});
  assumptions.Add({dim("C"), 0, 2});
  ASSERT_EQ(assumptions.all().size(), 2u);
  EXPECT_EQ(assumptions.all()[0].at_least, 5);
  assumptions.TakeBack(mark);
  ASSERT_EQ(assumptions.all().size(), 1u);
  EXPECT_EQ(assumptions.all()[0].ToString(), "T is 3 or more");
  EXPECT_EQ(assumptions.all()[0].source, -1);
  assumptions.Add({dim("C"), 0, 2});
  EXPECT_EQ(assumptions.all().size(), 2u);
}

}  // namespace
}  // namespace graphkiln::ir
