#include "services/coordinator/store/series_thinner.h"

#include <gtest/gtest.h>

#include <utility>

namespace graphkiln::coordinator {
namespace {

using Steps = std::vector<int64_t>;

Steps Thinned(SeriesThinner& thinner, int64_t most) {
  Steps steps;
  std::vector<double> values;
  thinner.Finish(most, steps, values);
  EXPECT_EQ(steps.size(), values.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(values[i], 2.0 * static_cast<double>(steps[i]));
  }
  return steps;
}

void AddUpTo(SeriesThinner& thinner, int64_t first, int64_t last) {
  for (int64_t step = first; step <= last; ++step)
    thinner.Add(step, 2.0 * static_cast<double>(step));
}

TEST(SeriesThinnerTest, ANewerRunReplacesWhatItTrainsAgain) {
  SeriesThinner thinner(100);
  for (const auto& [step, value] : std::vector<std::pair<int64_t, double>>{
           {1, 1}, {2, 2}, {3, 3}, {4, 4}, {3, 30}, {4, 40}, {5, 50}}) {
    thinner.Add(step, value);
  }
  Steps steps;
  std::vector<double> values;
  thinner.Finish(100, steps, values);
  EXPECT_EQ(steps, (Steps{1, 2, 3, 4, 5}));
  EXPECT_EQ(values, (std::vector<double>{1, 2, 30, 40, 50}));
}

TEST(SeriesThinnerTest, KeepsFirstAndLast) {
  SeriesThinner thinner(10);
  AddUpTo(thinner, 0, 99);
  EXPECT_EQ(Thinned(thinner, 10), (Steps{0, 11, 22, 33, 44, 55, 66, 77, 88, 99}));
  EXPECT_EQ(Thinned(thinner, 1), Steps{99});
  EXPECT_EQ(Thinned(thinner, 1'000).size(), 100u);
}

TEST(SeriesThinnerTest, ALongSeriesTakesBoundedMemoryAndStaysEven) {
  constexpr int64_t kLast = 3'000'017;
  SeriesThinner thinner(100);
  for (int64_t step = 0; step <= kLast; ++step) {
    thinner.Add(step, 2.0 * static_cast<double>(step));
    ASSERT_LE(thinner.kept(), 65'536u);
  }
  const Steps steps = Thinned(thinner, 101);
  ASSERT_EQ(steps.size(), 101u);
  EXPECT_EQ(steps.front(), 0);
  EXPECT_EQ(steps.back(), kLast);
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(steps[i + 1] - steps[i]), kLast / 100.0, 200) << i;
  }
}

TEST(SeriesThinnerTest, ARetryOfALongSeriesGoesOnWhereItStarts) {
  SeriesThinner thinner(10);
  AddUpTo(thinner, 1, 200'000);
  AddUpTo(thinner, 150'001, 150'010);
  const Steps steps = Thinned(thinner, 1'000'000);
  EXPECT_EQ(steps.front(), 1);
  EXPECT_EQ(steps.back(), 150'010);
  EXPECT_LE(steps[steps.size() - 2], 150'009);
  for (size_t i = 0; i + 1 < steps.size(); ++i) ASSERT_LT(steps[i], steps[i + 1]);
}

}  // namespace
}  // namespace graphkiln::coordinator
