#include "services/worker/trainer/session.h"

#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

using ::testing::StartsWith;

TEST(SessionTest, AnUnusedTrainerEndsQuietly) {
  auto pair = *worker::MakeSocketPair();
  pair.first.Reset();
  EXPECT_EQ(ServeSession(std::move(pair.second), SystemClock()), 0);
}

TEST(SessionTest, CancelledBeforeTheStart) {
  v1::TrainerCommand command;
  command.mutable_cancel();
  FakeDaemon daemon;
  EXPECT_EQ(daemon.Run(command).outcome(), v1::Finished::OUTCOME_CANCELLED);
}

TEST(SessionTest, FailuresOfTheSetUpAreReported) {
  TempDir dir;
  v1::TrainerCommand command = TrainCommand(dir.path(), 1);
  command.mutable_train()->mutable_job()->mutable_optimizer()->set_type("Nope");
  FakeDaemon daemon;
  const v1::Finished finished = daemon.Run(command);
  EXPECT_EQ(finished.outcome(), v1::Finished::OUTCOME_FAILED_USER);
  EXPECT_THAT(finished.reason(), StartsWith("UNSUPPORTED: optimizer Nope"));
  EXPECT_EQ(daemon.exit_code, 0);
}

TEST(SessionTest, UnimplementedKindsDevicesAndPrecisionsAreNamed) {
  TempDir dir;
  v1::TrainerCommand evaluate = TrainCommand(dir.path(), 1);
  evaluate.mutable_train()->mutable_job()->set_kind(api::JOB_KIND_EVALUATE);
  EXPECT_THAT(FakeDaemon().Run(evaluate).reason(), StartsWith("UNSUPPORTED: "));
  v1::TrainerCommand cuda = TrainCommand(dir.path(), 1);
  cuda.mutable_train()->mutable_job()->mutable_resources()->set_device("cuda");
  EXPECT_THAT(FakeDaemon().Run(cuda).reason(), StartsWith("UNSUPPORTED: "));
  v1::TrainerCommand half = TrainCommand(dir.path(), 1);
  half.mutable_train()->mutable_job()->set_precision(api::PRECISION_BFLOAT16);
  EXPECT_THAT(FakeDaemon().Run(half).reason(), StartsWith("UNSUPPORTED: precision"));
}

}  // namespace
}  // namespace graphkiln::trainer
