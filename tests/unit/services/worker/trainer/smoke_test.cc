#include "services/worker/trainer/smoke.h"

#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

v1::TrainerCommand SmokeCommand(const std::string& work_dir, double rate) {
  v1::TrainerCommand command = TrainCommand(work_dir, 0);
  api::JobSpec* job = command.mutable_train()->mutable_job();
  job->set_kind(api::JOB_KIND_SMOKE);
  job->mutable_smoke()->set_overfit_steps(40);
  SetNumber(job->mutable_optimizer(), "lr", rate);
  return command;
}

TEST(SmokeTest, AModelThatTrainsPasses) {
  TempDir dir;
  FakeDaemon daemon;
  const v1::Finished finished = daemon.Run(SmokeCommand(dir.path(), 0.02));
  EXPECT_EQ(finished.outcome(), v1::Finished::OUTCOME_SUCCEEDED) << finished.reason();
  const auto verdicts = daemon.Events(api::Event::kVerdict);
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_TRUE(verdicts[0].verdict().passed());
  EXPECT_THAT(verdicts[0].verdict().findings(0), HasSubstr("in 40 steps"));
  EXPECT_LT(finished.metrics().at("last_loss"), finished.metrics().at("first_loss"));
}

TEST(SmokeTest, AModelThatDoesNotLearnFailsWithTheEvidence) {
  TempDir dir;
  FakeDaemon daemon;
  const v1::Finished finished = daemon.Run(SmokeCommand(dir.path(), 1e-9));
  EXPECT_EQ(finished.outcome(), v1::Finished::OUTCOME_FAILED_USER);
  EXPECT_THAT(finished.reason(), StartsWith("SMOKE_FAILED: loss went from "));
  EXPECT_FALSE(daemon.Events(api::Event::kVerdict)[0].verdict().passed());
}

// Sends `command` with the first events; overfits so long that it must arrive in time.
v1::Finished RunAndTell(v1::TrainerCommand command, FakeDaemon* daemon) {
  TempDir dir;
  v1::TrainerCommand smoke = SmokeCommand(dir.path(), 0.02);
  smoke.mutable_train()->mutable_job()->mutable_smoke()->set_overfit_steps(100'000'000);
  return daemon->Run(
      smoke, [sent = false, command](const v1::TrainerReport& report, FakeDaemon& self) mutable {
        if (!sent && report.has_events()) self.Send(command);
        sent |= report.has_events();
      });
}

TEST(SmokeTest, FinishEarlyEndsWithTheVerdictSoFar) {
  v1::TrainerCommand stop;
  stop.mutable_finish_early();
  FakeDaemon daemon;
  const v1::Finished finished = RunAndTell(stop, &daemon);
  EXPECT_EQ(finished.outcome(), v1::Finished::OUTCOME_SUCCEEDED) << finished.reason();
  EXPECT_TRUE(finished.stopped_early());
  EXPECT_GE(finished.step(), 1);
  const auto verdicts = daemon.Events(api::Event::kVerdict);
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_THAT(verdicts[0].verdict().findings(verdicts[0].verdict().findings_size() - 1),
              StartsWith("stopped early, after "));
}

TEST(SmokeTest, CheckpointAndStopGivesItBack) {
  v1::TrainerCommand stop;
  stop.mutable_checkpoint_and_stop();
  FakeDaemon daemon;
  EXPECT_EQ(RunAndTell(stop, &daemon).outcome(), v1::Finished::OUTCOME_RELEASED);
  EXPECT_TRUE(daemon.Events(api::Event::kVerdict).empty());
}

TEST(SmokeTest, CancelEndsWithoutAVerdict) {
  v1::TrainerCommand stop;
  stop.mutable_cancel();
  FakeDaemon daemon;
  EXPECT_EQ(RunAndTell(stop, &daemon).outcome(), v1::Finished::OUTCOME_CANCELLED);
  EXPECT_TRUE(daemon.Events(api::Event::kVerdict).empty());
}

}  // namespace
}  // namespace graphkiln::trainer
