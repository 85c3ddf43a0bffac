#include "services/worker/trainer/failure.h"

#include <new>

#include "services/worker/trainer/torch_guard.h"
#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

using ::testing::StartsWith;

std::string Text(const absl::Status& status) { return std::string(status.message()); }

TEST(FailureTest, TheStatusDecidesWhoseFaultItIs) {
  EXPECT_EQ(OutcomeOf(absl::OkStatus()), v1::Finished::OUTCOME_SUCCEEDED);
  EXPECT_EQ(OutcomeOf(UserFault(reason::kNumerics, "x")), v1::Finished::OUTCOME_FAILED_USER);
  EXPECT_EQ(OutcomeOf(MachineFault(reason::kIo, "x")), v1::Finished::OUTCOME_FAILED_INFRA);
  EXPECT_EQ(OutcomeOf(absl::CancelledError("x")), v1::Finished::OUTCOME_CANCELLED);
  EXPECT_EQ(OutcomeOf(absl::InternalError("x")), v1::Finished::OUTCOME_FAILED_INFRA);
}

TEST(FailureTest, AFullDiskHasItsOwnWord) {
  EXPECT_EQ(Text(FileFault(absl::ResourceExhaustedError("no space"))), "DISK_FULL: no space");
  EXPECT_EQ(Text(FileFault(absl::PermissionDeniedError("no"))), "IO_ERROR: no");
  EXPECT_TRUE(FileFault(absl::OkStatus()).ok());
}

TEST(FailureTest, ExceptionsBecomeStatusesAtTheirPlace) {
  const auto where = [] { return std::string("node \"a\""); };
  const absl::Status refused = CatchTorch(where, [] { TORCH_CHECK(false, "bad sizes"); });
  EXPECT_EQ(Text(refused), "OPERATOR_FAILED: node \"a\": bad sizes");
  EXPECT_EQ(OutcomeOf(refused), v1::Finished::OUTCOME_FAILED_USER);
  const absl::Status memory = CatchTorch(where, [] { throw std::bad_alloc(); });
  EXPECT_THAT(Text(memory), StartsWith("OUT_OF_MEMORY: "));
  EXPECT_EQ(OutcomeOf(memory), v1::Finished::OUTCOME_FAILED_INFRA);
  const absl::Status huge = CatchTorch(where, [] { at::empty({int64_t{1} << 50}); });
  EXPECT_THAT(Text(huge), StartsWith("OUT_OF_MEMORY: "));
  EXPECT_TRUE(CatchTorch(where, [] {}).ok());
}

}  // namespace
}  // namespace graphkiln::trainer
