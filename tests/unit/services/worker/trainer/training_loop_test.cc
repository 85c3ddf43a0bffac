#include "services/worker/trainer/training_loop.h"

#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "services/worker/trainer/failure.h"
#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Contents(const std::string& path) { return *ReadFile(path, 64 << 20); }

v1::TrainerCommand Simple(v1::TrainerCommand::KindCase kind) {
  v1::TrainerCommand command;
  if (kind == v1::TrainerCommand::kCancel) command.mutable_cancel();
  if (kind == v1::TrainerCommand::kCheckpointAndStop) command.mutable_checkpoint_and_stop();
  if (kind == v1::TrainerCommand::kFinishEarly) command.mutable_finish_early();
  return command;
}

// Answers the first batch of events with a command.
FakeDaemon::Answer Once(v1::TrainerCommand::KindCase kind) {
  return [kind, sent = false](const v1::TrainerReport& report, FakeDaemon& daemon) mutable {
    if (sent || !report.has_events()) return;
    sent = true;
    daemon.Send(Simple(kind));
  };
}

TEST(TrainingLoopTest, TrainsAndReportsEverything) {
  TempDir dir;
  FakeDaemon daemon;
  const v1::Finished finished = daemon.Run(TrainCommand(dir.path(), 4));
  EXPECT_EQ(daemon.exit_code, 0);
  ASSERT_EQ(finished.outcome(), v1::Finished::OUTCOME_SUCCEEDED) << finished.reason();
  EXPECT_EQ(finished.step(), 20) << "70 training rows are 5 batches of 16";
  EXPECT_EQ(finished.epoch(), 4);
  ASSERT_TRUE(daemon.reports[0].has_started());
  EXPECT_EQ(daemon.reports[0].started().total_steps(), 20);
  EXPECT_EQ(daemon.reports[1].events().events_size(), 1) << "the first step goes out alone";
  EXPECT_EQ(daemon.Losses().size(), 20u);
  const auto epochs = daemon.Events(api::Event::kEpoch);
  ASSERT_EQ(epochs.size(), 4u);
  EXPECT_EQ(epochs[3].epoch().step(), 20);
  EXPECT_EQ(epochs[3].epoch().total_epochs(), 4);
  EXPECT_LT(epochs[3].epoch().train_loss(), epochs[0].epoch().train_loss());
  EXPECT_TRUE(epochs[3].epoch().has_val_loss());
  EXPECT_EQ(epochs[3].epoch().metrics().count("val_accuracy"), 1u);
  for (const char* name :
       {"train_loss", "val_loss", "val_accuracy", "test_loss", "test_accuracy"}) {
    EXPECT_EQ(finished.metrics().count(name), 1u) << name;
  }
  EXPECT_EQ(daemon.Events(api::Event::kStep)[0].step().values().at("lr"), 0.01);
  EXPECT_GT(finished.measured().peak_bytes(), 1 << 20);
  const auto report = nlohmann::json::parse(Contents(finished.files().at("report.json")));
  EXPECT_EQ(report["data"]["train_rows"], 70);
  EXPECT_EQ(report["normalization"][0]["kind"], "standard");
  EXPECT_TRUE(FileExists(finished.files().at("weights.safetensors")));
}

TEST(TrainingLoopTest, TrainLossIsTheRowWeightedMean) {
  TempDir dir;
  FakeDaemon daemon;
  v1::TrainerCommand command = TrainCommand(dir.path(), 1);
  const v1::Finished finished = daemon.Run(command);
  const std::vector<double> losses = daemon.Losses();  // batches of 16, 16, 16, 16, 6
  const double mean = (16 * (losses[0] + losses[1] + losses[2] + losses[3]) + 6 * losses[4]) / 70;
  EXPECT_NEAR(finished.metrics().at("train_loss"), mean, 1e-12);
}

// The promise of checkpoints: shuffle, dropout, moments, sums - all go on bit by bit, wherever the
// cut is.
TEST(TrainingLoopTest, ResumesBitByBitFromAnyStep) {
  TempDir dir;
  v1::TrainerCommand whole = TrainCommand(dir.file("whole"), 4);
  whole.mutable_train()->mutable_job()->mutable_checkpoint()->set_every_steps(1);
  std::map<int64_t, std::string> saved;
  FakeDaemon daemon;
  const v1::Finished expected =
      daemon.Run(whole, [&](const v1::TrainerReport& report, FakeDaemon& self) {
        if (!report.has_checkpoint()) return;
        const v1::CheckpointWritten& checkpoint = report.checkpoint();
        saved[checkpoint.step()] = Contents(checkpoint.path());
        EXPECT_EQ(checkpoint.bytes(), static_cast<int64_t>(saved[checkpoint.step()].size()));
        v1::TrainerCommand committed;
        committed.mutable_checkpoint_committed()->set_path(checkpoint.path());
        self.Send(committed);
      });
  ASSERT_EQ(expected.outcome(), v1::Finished::OUTCOME_SUCCEEDED) << expected.reason();
  const std::vector<double> losses = daemon.Losses();
  int resumed = 0;
  for (const auto& [step, bytes] : saved) {
    const std::string file = dir.file("checkpoint");
    ASSERT_TRUE(WriteFileAtomic(file, bytes).ok());
    v1::TrainerCommand rest = TrainCommand(dir.file("rest"), 4);
    rest.mutable_train()->set_checkpoint_path(file);
    FakeDaemon second;
    const v1::Finished finished = second.Run(rest);
    ASSERT_EQ(finished.outcome(), v1::Finished::OUTCOME_SUCCEEDED) << finished.reason();
    EXPECT_EQ(second.reports[0].started().first_step(), step);
    const std::vector<double> tail(losses.begin() + step, losses.end());
    EXPECT_EQ(second.Losses(), tail) << "cut after step " << step;
    EXPECT_EQ(Contents(finished.files().at("weights.safetensors")),
              Contents(expected.files().at("weights.safetensors")));
    for (const auto& [name, value] : expected.metrics()) {
      EXPECT_EQ(finished.metrics().at(name), value) << name << " after step " << step;
    }
    ++resumed;
  }
  EXPECT_GE(resumed, 4);
}

TEST(TrainingLoopTest, ACommittedCheckpointIsRemovedAndNothingElse) {
  TempDir dir;
  v1::TrainerCommand command = TrainCommand(dir.path(), 3);
  command.mutable_train()->mutable_job()->mutable_checkpoint()->set_every_epochs(1);
  const std::string precious = dir.file("precious");
  ASSERT_TRUE(WriteFileAtomic(precious, "x").ok());
  FakeDaemon daemon;
  daemon.Run(command, [&](const v1::TrainerReport& report, FakeDaemon& self) {
    if (!report.has_checkpoint()) return;
    v1::TrainerCommand committed;
    committed.mutable_checkpoint_committed()->set_path(precious);
    self.Send(committed);
  });
  EXPECT_TRUE(FileExists(precious));
}

TEST(TrainingLoopTest, CancelEndsWithoutAResult) {
  TempDir dir;
  FakeDaemon daemon;
  const v1::Finished finished =
      daemon.Run(TrainCommand(dir.path(), 1'000'000), Once(v1::TrainerCommand::kCancel));
  EXPECT_EQ(finished.outcome(), v1::Finished::OUTCOME_CANCELLED);
  EXPECT_TRUE(finished.files().empty());
  EXPECT_EQ(daemon.exit_code, 0);
}

TEST(TrainingLoopTest, ReleaseWritesACheckpointThatContinuesTheRun) {
  TempDir dir;
  FakeDaemon first;
  std::string path;
  const auto once = Once(v1::TrainerCommand::kCheckpointAndStop);
  const v1::Finished released =
      first.Run(TrainCommand(dir.file("a"), 400),
                [&, once](const v1::TrainerReport& report, FakeDaemon& self) mutable {
                  once(report, self);
                  if (report.has_checkpoint()) path = report.checkpoint().path();
                });
  EXPECT_EQ(released.outcome(), v1::Finished::OUTCOME_RELEASED);
  ASSERT_TRUE(FileExists(path));
  FakeDaemon second;
  v1::TrainerCommand rest = TrainCommand(dir.file("b"), 400);
  rest.mutable_train()->set_checkpoint_path(path);
  const v1::Finished finished = second.Run(rest);
  ASSERT_EQ(finished.outcome(), v1::Finished::OUTCOME_SUCCEEDED) << finished.reason();
  FakeDaemon third;
  const v1::Finished expected = third.Run(TrainCommand(dir.file("c"), 400));
  EXPECT_EQ(Contents(finished.files().at("weights.safetensors")),
            Contents(expected.files().at("weights.safetensors")));
}

TEST(TrainingLoopTest, FinishEarlyEvaluatesAndExports) {
  TempDir dir;
  FakeDaemon daemon;
  const v1::Finished finished =
      daemon.Run(TrainCommand(dir.path(), 1'000'000), Once(v1::TrainerCommand::kFinishEarly));
  EXPECT_EQ(finished.outcome(), v1::Finished::OUTCOME_SUCCEEDED) << finished.reason();
  EXPECT_TRUE(finished.stopped_early());
  EXPECT_EQ(finished.metrics().count("test_accuracy"), 1u);
  EXPECT_EQ(finished.files().size(), 2u);
}

TEST(TrainingLoopTest, LimitsEndTheRunWhicheverComesFirst) {
  TempDir dir;
  v1::TrainerCommand by_steps = TrainCommand(dir.path(), 10);
  by_steps.mutable_train()->mutable_job()->set_steps(7);
  FakeDaemon steps;
  const v1::Finished seven = steps.Run(by_steps);
  EXPECT_EQ(seven.outcome(), v1::Finished::OUTCOME_SUCCEEDED);
  EXPECT_EQ(seven.step(), 7);
  EXPECT_EQ(seven.epoch(), 1);
  EXPECT_EQ(steps.reports[0].started().total_steps(), 7);
  EXPECT_EQ(seven.metrics().count("val_loss"), 1u);
  v1::TrainerCommand by_time = TrainCommand(dir.path(), 0);
  by_time.mutable_train()->mutable_job()->mutable_time_limit()->set_nanos(20'000'000);
  FakeDaemon time;
  EXPECT_EQ(time.Run(by_time).outcome(), v1::Finished::OUTCOME_SUCCEEDED);
}

TEST(TrainingLoopTest, MoreEpochsThanStepsCanBeCountedSaturate) {
  TempDir dir;
  FakeDaemon daemon;
  v1::TrainerCommand command = TrainCommand(dir.path(), std::numeric_limits<int64_t>::max() / 2);
  command.mutable_train()->mutable_job()->set_steps(6);
  EXPECT_EQ(daemon.Run(command).outcome(), v1::Finished::OUTCOME_SUCCEEDED);
  EXPECT_EQ(daemon.reports[0].started().total_steps(), 6);
  EXPECT_EQ(daemon.Events(api::Event::kEpoch)[0].epoch().total_epochs(), 2);
  FakeDaemon endless;
  command.mutable_train()->mutable_job()->set_steps(0);
  EXPECT_EQ(endless.Run(command, Once(v1::TrainerCommand::kCancel)).outcome(),
            v1::Finished::OUTCOME_CANCELLED);
  EXPECT_EQ(endless.reports[0].started().total_steps(), std::numeric_limits<int64_t>::max());
}

TEST(TrainingLoopTest, LossesThatAreSumsAreDividedByTheRows) {
  TempDir dir;
  v1::TrainerCommand command = TrainCommand(dir.path(), 1);
  for (api::IrCall& call : *command.mutable_train()->mutable_ir()->mutable_calls()) {
    if (call.op() == "aten.cross_entropy_loss.default") call.mutable_args(3)->set_int_value(2);
  }
  (*command.mutable_train()->mutable_job()->mutable_loss()->mutable_params())["reduction"]
      .set_string_value("sum");
  FakeDaemon daemon;
  const v1::Finished finished = daemon.Run(command);
  ASSERT_EQ(finished.outcome(), v1::Finished::OUTCOME_SUCCEEDED) << finished.reason();
  double sum = 0;
  for (const double loss : daemon.Losses()) sum += loss;
  EXPECT_NEAR(finished.metrics().at("train_loss"), sum / 70, 1e-9);
}

TEST(TrainingLoopTest, StopsWhileDataAreMade) {
  for (const auto kind : {v1::TrainerCommand::kCancel, v1::TrainerCommand::kCheckpointAndStop}) {
    TempDir dir;
    v1::TrainerCommand command = TrainCommand(dir.path(), 1);
    // Seconds of work.
    command.mutable_train()->mutable_job()->mutable_data()->mutable_synthetic()->set_rows(
        10'000'000);
    *command.mutable_train()->mutable_ir() = ClassifierProgram(20, 16, 3, 0.25);
    auto [ours, theirs] = *worker::MakeSocketPair();
    ASSERT_TRUE(worker::WriteMessage(ours.get(), command).ok());
    ASSERT_TRUE(worker::WriteMessage(ours.get(), Simple(kind)).ok());
    EXPECT_EQ(ServeSession(std::move(theirs), SystemClock()), 0);
    v1::TrainerReport report;  // the only one: nothing was started
    ASSERT_TRUE(worker::ReadMessage(ours.get(), &report).ok());
    EXPECT_EQ(report.finished().outcome(), kind == v1::TrainerCommand::kCancel
                                               ? v1::Finished::OUTCOME_CANCELLED
                                               : v1::Finished::OUTCOME_RELEASED);
  }
}

TEST(TrainingLoopTest, DivergenceIsTheJobsFaultAndNamesTheStep) {
  TempDir dir;
  v1::TrainerCommand command = TrainCommand(dir.path(), 50);
  api::Component* optimizer = command.mutable_train()->mutable_job()->mutable_optimizer();
  optimizer->set_type("SGD");
  SetNumber(optimizer, "lr", 1e30);
  FakeDaemon daemon;
  const v1::Finished finished = daemon.Run(command);
  EXPECT_EQ(finished.outcome(), v1::Finished::OUTCOME_FAILED_USER);
  EXPECT_THAT(finished.reason(), StartsWith("NUMERICS: loss became "));
  EXPECT_THAT(finished.reason(), HasSubstr(" at step "));
}

TEST(TrainingLoopTest, TheBestCheckpointIsMarked) {
  TempDir dir;
  v1::TrainerCommand command = TrainCommand(dir.path(), 6);
  auto* policy = command.mutable_train()->mutable_job()->mutable_checkpoint();
  policy->mutable_best()->set_metric("val_loss");
  policy->mutable_best()->set_mode("min");
  FakeDaemon daemon;
  daemon.Run(command);
  double best = std::numeric_limits<double>::infinity();
  size_t improvements = 0;
  for (const api::Event& event : daemon.Events(api::Event::kEpoch)) {
    if (event.epoch().val_loss() >= best) continue;
    best = event.epoch().val_loss();
    ++improvements;
  }
  size_t marked = 0;
  for (const v1::TrainerReport& report : daemon.reports) {
    if (report.has_checkpoint() && report.checkpoint().best()) ++marked;
  }
  EXPECT_EQ(marked, improvements);
  EXPECT_GE(marked, 1u);
}

TEST(TrainingLoopTest, AWorkFolderThatCannotBeWrittenIsTheMachinesFault) {
  TempDir dir;
  ASSERT_TRUE(WriteFileAtomic(dir.file("file"), "x").ok());
  FakeDaemon daemon;
  const v1::Finished finished = daemon.Run(TrainCommand(dir.file("file/inside"), 1));
  EXPECT_EQ(finished.outcome(), v1::Finished::OUTCOME_FAILED_INFRA);
  EXPECT_THAT(finished.reason(), StartsWith("IO_ERROR: "));
}

}  // namespace
}  // namespace graphkiln::trainer
