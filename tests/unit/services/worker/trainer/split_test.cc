#include "services/worker/trainer/split.h"

#include <algorithm>
#include <map>
#include <set>

#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

api::SplitSpec Spec(double validation, double test, bool stratify = false) {
  api::SplitSpec spec;
  spec.set_validation(validation);
  spec.set_test(test);
  spec.set_stratify(stratify);
  return spec;
}

TEST(SplitTest, PartsAreDisjointAscendingAndComplete) {
  const auto parts = SplitTable(Spec(0.2, 0.1), 7, 150, {});
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ(parts->validation.size(), 30u);
  EXPECT_EQ(parts->test.size(), 15u);
  std::set<int64_t> all;
  for (const auto* part : {&parts->train, &parts->validation, &parts->test}) {
    EXPECT_TRUE(std::is_sorted(part->begin(), part->end()));
    all.insert(part->begin(), part->end());
  }
  EXPECT_EQ(all.size(), 150u);
  EXPECT_EQ(*all.rbegin(), 149);
}

TEST(SplitTest, IsAFunctionOfTheSeed) {
  const auto a = *SplitTable(Spec(0.3, 0), 7, 100, {});
  EXPECT_EQ(a.validation, SplitTable(Spec(0.3, 0), 7, 100, {})->validation);
  EXPECT_NE(a.validation, SplitTable(Spec(0.3, 0), 8, 100, {})->validation);
  api::SplitSpec own_seed = Spec(0.3, 0);
  own_seed.set_seed(7);
  EXPECT_EQ(a.validation, SplitTable(own_seed, 99, 100, {})->validation);
}

TEST(SplitTest, StratifiedPartsKeepClassShares) {
  std::vector<int64_t> classes;
  for (int64_t i = 0; i < 100; ++i) classes.push_back(i < 60 ? 0 : (i < 90 ? 1 : 2));
  const auto parts = *SplitTable(Spec(0.2, 0.1, true), 3, 100, classes);
  std::map<int64_t, int> validation;
  for (const int64_t row : parts.validation) ++validation[classes[static_cast<size_t>(row)]];
  EXPECT_EQ(validation, (std::map<int64_t, int>{{0, 12}, {1, 6}, {2, 2}}));
  EXPECT_EQ(parts.test.size(), 10u);
  EXPECT_EQ(parts.train.size(), 70u);
}

TEST(SplitTest, RefusesToLeaveNothing) {
  EXPECT_FALSE(SplitTable(Spec(0.6, 0.4), 1, 100, {}).ok());
  EXPECT_FALSE(SplitTable(Spec(-0.1, 0), 1, 100, {}).ok());
  EXPECT_FALSE(SplitTable(Spec(0.9, 0), 1, 1, {}).ok());
  EXPECT_TRUE(SplitTable(Spec(0, 0), 1, 1, {}).ok());
}

TEST(SplitTest, APartThatRoundsToNothingIsRefused) {
  const auto validation = SplitTable(Spec(0.001, 0), 1, 59, {});
  EXPECT_EQ(validation.status().message(),
            "DATA_INVALID: data.split.validation: 0.001 of 59 rows rounds to no row");
  EXPECT_FALSE(SplitTable(Spec(0.2, 0), 1, 1, {}).ok());
  EXPECT_FALSE(SplitTable(Spec(0.2, 0.001), 1, 50, {}).ok());
}

TEST(SplitTest, EpochOrdersArePermutationsThatDiffer) {
  const auto first = EpochOrder(7, 1, 50);
  EXPECT_EQ(first, EpochOrder(7, 1, 50));
  EXPECT_NE(first, EpochOrder(7, 2, 50));
  EXPECT_NE(first, EpochOrder(8, 1, 50));
  std::vector<int64_t> sorted = first;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < 50; ++i) EXPECT_EQ(sorted[static_cast<size_t>(i)], i);
}

}  // namespace
}  // namespace graphkiln::trainer
