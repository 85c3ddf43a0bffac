#include "services/worker/launch/trainer_pool.h"

#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/worker/launch/forward_once.h"
#include "tests/fakes/fake_trainer.h"

namespace graphkiln::worker {
namespace {

using trainer::v1::Finished;
using trainer::v1::TrainerCommand;
using trainer::v1::TrainerReport;

constexpr absl::Duration kLong = absl::Seconds(30);

/// Collects what a trainer says and lets a test wait for it.
class Recorder : public TrainerObserver {
 public:
  void OnForked(pid_t pid) override {
    std::lock_guard lock(mu_);
    pid_ = pid;
    changed_.notify_all();
  }
  void OnReport(TrainerReport report) override {
    std::lock_guard lock(mu_);
    reports_.push_back(std::move(report));
    changed_.notify_all();
  }
  void OnLogLine(std::string_view line) override {
    std::lock_guard lock(mu_);
    lines_.emplace_back(line);
    changed_.notify_all();
  }
  void OnExit(const TrainerExit& exit) override {
    std::lock_guard lock(mu_);
    EXPECT_FALSE(ended_) << "OnExit twice";
    ended_ = true;
    exit_ = exit;
    changed_.notify_all();
  }

  TrainerExit WaitExit() {
    std::unique_lock lock(mu_);
    EXPECT_TRUE(changed_.wait_for(lock, absl::ToChronoSeconds(kLong), [this] { return ended_; }));
    return exit_;
  }
  pid_t WaitForked() {
    std::unique_lock lock(mu_);
    EXPECT_TRUE(
        changed_.wait_for(lock, absl::ToChronoSeconds(kLong), [this] { return pid_ != 0; }));
    return pid_;
  }
  void WaitReports(size_t count) {
    std::unique_lock lock(mu_);
    EXPECT_TRUE(changed_.wait_for(lock, absl::ToChronoSeconds(kLong),
                                  [&] { return reports_.size() >= count; }));
  }
  std::vector<TrainerReport> reports() {
    std::lock_guard lock(mu_);
    return reports_;
  }
  std::vector<std::string> lines() {
    std::lock_guard lock(mu_);
    return lines_;
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  pid_t pid_ = 0;
  std::vector<TrainerReport> reports_;
  std::vector<std::string> lines_;
  bool ended_ = false;
  TrainerExit exit_;
};

TrainerCommand Train(const std::string& script) {
  TrainerCommand command;
  (*command.mutable_train()->mutable_job()->mutable_labels())["script"] = script;
  return command;
}

TrainerPool::Options FakeOptions() {
  TrainerPool::Options options;
  options.program = "/proc/self/exe";
  options.restart_pause = absl::Milliseconds(1);
  options.max_restart_pause = absl::Milliseconds(1);
  options.linger = absl::Milliseconds(50);
  return options;
}

class TrainerPoolTest : public testing::Test {
 protected:
  TrainerPool pool_{FakeOptions(), SystemClock()};
};

TEST_F(TrainerPoolTest, ParentReportsVersionAndReady) {
  ASSERT_TRUE(pool_.WaitReady(kLong));
  EXPECT_EQ(pool_.state().torch_version, fake::kTorchVersion);
  EXPECT_GT(pool_.state().pid, 0);
}

TEST_F(TrainerPoolTest, RunsAJobAndHandsOutEverythingBeforeTheExit) {
  auto recorder = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> trainer = pool_.Launch(recorder);
  ASSERT_TRUE(trainer->Send(Train("log:hello started steps:3 finish")).ok());
  const TrainerExit exit = recorder->WaitExit();
  EXPECT_EQ(exit.exit_code, 0);
  EXPECT_EQ(exit.signal, 0);
  EXPECT_FALSE(exit.parent_died);
  const std::vector<TrainerReport> reports = recorder->reports();
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_TRUE(reports[0].has_started());
  EXPECT_EQ(reports[1].events().events_size(), 3);
  EXPECT_EQ(reports[2].finished().outcome(), Finished::OUTCOME_SUCCEEDED);
  EXPECT_THAT(recorder->lines(), testing::Contains("hello"));
  EXPECT_EQ(trainer->Send(TrainerCommand()).code(), absl::StatusCode::kUnavailable);
}

TEST_F(TrainerPoolTest, CrashNamesTheSignalAndKeepsTheLog) {
  auto recorder = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> trainer = pool_.Launch(recorder);
  ASSERT_TRUE(trainer->Send(Train("log:last-words signal:11")).ok());
  const TrainerExit exit = recorder->WaitExit();
  EXPECT_EQ(exit.signal, SIGSEGV);
  EXPECT_EQ(exit.exit_code, -1);
  EXPECT_THAT(exit.log_tail, testing::HasSubstr("last-words"));
  EXPECT_EQ(exit.last_line, "last-words");
  EXPECT_EQ(DescribeExit(exit.exit_code, exit.signal), "signal 11 (SIGSEGV)");
  // The parent lives on and serves the next one.
  auto next = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> second = pool_.Launch(next);
  ASSERT_TRUE(second->Send(Train("exit:7")).ok());
  EXPECT_EQ(next->WaitExit().exit_code, 7);
}

TEST_F(TrainerPoolTest, CommandsReachARunningTrainer) {
  auto recorder = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> trainer = pool_.Launch(recorder);
  ASSERT_TRUE(trainer->Send(Train("started wait")).ok());
  recorder->WaitReports(1);
  TrainerCommand cancel;
  cancel.mutable_cancel();
  ASSERT_TRUE(trainer->Send(cancel).ok());
  recorder->WaitExit();
  EXPECT_EQ(recorder->reports().back().finished().outcome(), Finished::OUTCOME_CANCELLED);
}

TEST_F(TrainerPoolTest, LargeCommandArrivesWhole) {
  auto recorder = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> trainer = pool_.Launch(recorder);
  TrainerCommand command = Train("finish");
  command.mutable_train()->set_data_path(std::string(8 << 20, 'd'));
  ASSERT_TRUE(trainer->Send(command).ok());
  EXPECT_EQ(recorder->WaitExit().exit_code, 0);
  EXPECT_TRUE(recorder->reports().back().has_finished());
}

TEST_F(TrainerPoolTest, KillReachesATrainerThatIgnoresSigterm) {
  auto recorder = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> trainer = pool_.Launch(recorder);
  ASSERT_TRUE(trainer->Send(Train("noterm started deaf")).ok());
  recorder->WaitReports(1);
  trainer->Signal(SIGTERM);
  trainer->Signal(SIGKILL);
  EXPECT_EQ(recorder->WaitExit().signal, SIGKILL);
}

TEST_F(TrainerPoolTest, KillBeforeTheForkIsKept) {
  auto recorder = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> trainer = pool_.Launch(recorder);
  trainer->Signal(SIGKILL);
  EXPECT_EQ(recorder->WaitExit().signal, SIGKILL);
}

TEST_F(TrainerPoolTest, DroppedHandleKills) {
  auto recorder = std::make_shared<Recorder>();
  pool_.Launch(recorder).reset();
  EXPECT_EQ(recorder->WaitExit().signal, SIGKILL);
}

TEST_F(TrainerPoolTest, BrokenMessageKillsAndSaysSo) {
  auto recorder = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> trainer = pool_.Launch(recorder);
  ASSERT_TRUE(trainer->Send(Train("garbage")).ok());
  const TrainerExit exit = recorder->WaitExit();
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_THAT(exit.error, testing::HasSubstr("cannot be read"));
}

TEST_F(TrainerPoolTest, TrainerThatClosesItsSocketAndLivesOnIsKilled) {
  auto recorder = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> trainer = pool_.Launch(recorder);
  ASSERT_TRUE(trainer->Send(Train("close")).ok());
  EXPECT_EQ(recorder->WaitExit().signal, SIGKILL);
}

TEST_F(TrainerPoolTest, ParentDeathEndsItsTrainersAndIsHealed) {
  ASSERT_TRUE(pool_.WaitReady(kLong));
  auto recorder = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> trainer = pool_.Launch(recorder);
  ASSERT_TRUE(trainer->Send(Train("started deaf")).ok());
  recorder->WaitReports(1);
  const pid_t parent = pool_.state().pid;
  ::kill(parent, SIGKILL);
  const TrainerExit exit = recorder->WaitExit();
  EXPECT_TRUE(exit.parent_died);
  EXPECT_THAT(exit.error, testing::HasSubstr("SIGKILL"));

  auto next = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> second = pool_.Launch(next);
  ASSERT_TRUE(second->Send(Train("finish")).ok());
  EXPECT_EQ(next->WaitExit().exit_code, 0);
  EXPECT_NE(pool_.state().pid, parent);
}

TEST(TrainerPoolStartTest, MissingProgramFailsTheJobWithAReason) {
  TrainerPool::Options options = FakeOptions();
  options.program = "/nonexistent/kiln-trainer";
  TrainerPool pool(options, SystemClock());
  auto recorder = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> trainer = pool.Launch(recorder);
  const TrainerExit exit = recorder->WaitExit();
  EXPECT_TRUE(exit.parent_died);
  EXPECT_THAT(exit.error, testing::HasSubstr("cannot execute the trainer program"));
  EXPECT_FALSE(pool.state().ready);
}

TEST(TrainerPoolStartTest, ParentThatNeverGetsReadyIsReportedWithItsLog) {
  ::setenv("KILN_FAKE_BROKEN_PARENT", "1", 1);
  auto recorder = std::make_shared<Recorder>();
  {
    TrainerPool pool(FakeOptions(), SystemClock());
    std::unique_ptr<Trainer> trainer = pool.Launch(recorder);
    EXPECT_THAT(recorder->WaitExit().error, testing::HasSubstr("cannot load LibTorch"));
  }
  ::unsetenv("KILN_FAKE_BROKEN_PARENT");
}

TEST(TrainerPoolStopTest, DestructionEndsEveryTrainer) {
  auto recorder = std::make_shared<Recorder>();
  std::unique_ptr<Trainer> trainer;
  pid_t pid;
  {
    TrainerPool pool(FakeOptions(), SystemClock());
    trainer = pool.Launch(recorder);
    ASSERT_TRUE(trainer->Send(Train("deaf")).ok());
    pid = recorder->WaitForked();
  }
  EXPECT_TRUE(recorder->WaitExit().parent_died);
  // Its zombie may remain with a subreaper; what counts is that it runs no more.
  ::kill(pid, SIGKILL);
  trainer.reset();
}

TEST(ForwardOnceTest, ReturnsTheResult) {
  ::setenv("KILN_TRAINER", "/proc/self/exe", 1);
  trainer::v1::RunForward request;
  request.set_inputs_path("steps:2 finish");
  const absl::StatusOr<Finished> finished = RunForwardOnce(request, kLong);
  ASSERT_TRUE(finished.ok()) << finished.status();
  EXPECT_EQ(finished->outcome(), Finished::OUTCOME_SUCCEEDED);
  EXPECT_EQ(finished->step(), 2);
}

TEST(ForwardOnceTest, CrashNamesSignalAndLastLine) {
  ::setenv("KILN_TRAINER", "/proc/self/exe", 1);
  trainer::v1::RunForward request;
  request.set_inputs_path("log:boom signal:6");
  const absl::Status status = RunForwardOnce(request, kLong).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("signal 6 (SIGABRT)"));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("boom"));
}

TEST(ForwardOnceTest, TimeoutAndMissingProgram) {
  ::setenv("KILN_TRAINER", "/proc/self/exe", 1);
  trainer::v1::RunForward request;
  request.set_inputs_path("deaf");
  EXPECT_EQ(RunForwardOnce(request, absl::Milliseconds(100)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  ::setenv("KILN_TRAINER", "/nonexistent/kiln-trainer", 1);
  EXPECT_EQ(RunForwardOnce(request, kLong).status().code(), absl::StatusCode::kNotFound);
  ::unsetenv("KILN_TRAINER");
}

}  // namespace
}  // namespace graphkiln::worker
