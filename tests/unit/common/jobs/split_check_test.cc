#include "common/jobs/split_check.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graphkiln::jobs {
namespace {

std::vector<std::string> Faults(double validation, double test, int64_t rows) {
  v1::SplitSpec split;
  split.set_validation(validation);
  split.set_test(test);
  std::vector<v1::Diagnostic> diagnostics;
  CheckSplit(split, rows, &diagnostics);
  std::vector<std::string> faults;
  for (const auto& fault : diagnostics) faults.push_back(fault.path() + ": " + fault.message());
  return faults;
}

TEST(SplitCheckTest, AFractionThatGivesNoRowIsAFault) {
  EXPECT_THAT(Faults(0.001, 0, 59),
              testing::ElementsAre("data.split.validation: 0.001 of 59 rows rounds to no row"));
  EXPECT_THAT(Faults(0.2, 0.1, 1), testing::SizeIs(2));
  EXPECT_THAT(Faults(0.2, 0.1, 10), testing::IsEmpty());
  EXPECT_THAT(Faults(0, 0, 1), testing::IsEmpty());
}

TEST(SplitCheckTest, TheLeastFractionIsTold) {
  v1::SplitSpec split;
  split.set_test(0.001);
  std::vector<v1::Diagnostic> diagnostics;
  CheckSplit(split, 50, &diagnostics);
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].expected(), "0, or at least 0.01");
  EXPECT_EQ(diagnostics[0].found(), "0.001");
}

}  // namespace
}  // namespace graphkiln::jobs
