#include "services/worker/trainer/channel.h"

#include "common/base/fake_clock.h"
#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

class ChannelTest : public ::testing::Test {
 protected:
  ChannelTest() {
    auto pair = *worker::MakeSocketPair();
    daemon_ = std::move(pair.first);
    channel_ = std::make_unique<Channel>(std::move(pair.second), clock_);
  }

  // Reports that have arrived by now.
  std::vector<v1::TrainerReport> Arrived() {
    std::vector<std::string> frames;
    reader_.ReadAvailable(daemon_.get(), &frames).IgnoreError();
    std::vector<v1::TrainerReport> reports;
    for (const std::string& frame : frames)
      EXPECT_TRUE(reports.emplace_back().ParseFromString(frame));
    return reports;
  }

  FakeClock clock_;
  worker::Fd daemon_;
  worker::FrameReader reader_;
  std::unique_ptr<Channel> channel_;
};

TEST_F(ChannelTest, TheFirstStepGoesOutAtOnceTheRestInBatches) {
  channel_->EmitStep(1, 1, 2.5, 0.1);
  auto reports = Arrived();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].events().events(0).step().loss(), 2.5);
  EXPECT_EQ(reports[0].events().events(0).time().seconds(), 1704067200);
  for (int step = 2; step <= 10; ++step) {
    channel_->EmitStep(step, 1, 1, 0.1);
    channel_->Poll();
  }
  EXPECT_TRUE(Arrived().empty());
  clock_.Advance(Channel::kFlushEvery);
  channel_->Poll();
  reports = Arrived();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].events().events_size(), 9);
}

TEST_F(ChannelTest, ADaemonThatDoesNotReadCostsMemoryUpToABoundAndAnHonestGap) {
  const int steps = 3 * Channel::kMaxWaiting;
  for (int step = 1; step <= steps; ++step) {
    channel_->EmitStep(step, 1, 1, 0.1);
    if (step % 1000 == 0) {
      clock_.Advance(Channel::kFlushEvery);
      channel_->Poll();
    }
  }
  std::thread finish([&] { EXPECT_TRUE(channel_->SendFinished(v1::Finished()).ok()); });
  int64_t seen = 0;
  int64_t missing = 0;
  while (true) {
    v1::TrainerReport report;
    ASSERT_TRUE(worker::ReadMessage(daemon_.get(), &report).ok());
    if (report.has_finished()) break;
    for (const api::Event& event : report.events().events()) {
      if (event.has_step()) ++seen;
      if (event.has_gap()) missing += event.gap().count();
    }
  }
  finish.join();
  EXPECT_GT(missing, 0);
  EXPECT_EQ(seen + missing, steps);
}

TEST_F(ChannelTest, CommandsArriveBetweenSteps) {
  EXPECT_FALSE(channel_->Poll().any());
  v1::TrainerCommand command;
  command.mutable_finish_early();
  ASSERT_TRUE(worker::WriteMessage(daemon_.get(), command).ok());
  EXPECT_TRUE(channel_->Poll().finish_early);
  command.mutable_checkpoint_and_stop();
  ASSERT_TRUE(worker::WriteMessage(daemon_.get(), command).ok());
  EXPECT_TRUE(channel_->Poll().release);
  EXPECT_FALSE(channel_->wishes().cancel);
}

TEST_F(ChannelTest, TheEndOfTheDaemonCancels) {
  daemon_.Reset();
  EXPECT_TRUE(channel_->Poll().cancel);
  EXPECT_FALSE(channel_->SendFinished(v1::Finished()).ok());
}

TEST_F(ChannelTest, OnlyAnnouncedCheckpointsAreRemoved) {
  TempDir dir;
  ASSERT_TRUE(WriteFileAtomic(dir.file("a"), "x").ok());
  ASSERT_TRUE(WriteFileAtomic(dir.file("b"), "x").ok());
  v1::CheckpointWritten written;
  written.set_path(dir.file("a"));
  channel_->SendCheckpoint(written);
  EXPECT_EQ(channel_->uncommitted(), 1);
  for (const char* name : {"a", "b"}) {
    v1::TrainerCommand command;
    command.mutable_checkpoint_committed()->set_path(dir.file(name));
    ASSERT_TRUE(worker::WriteMessage(daemon_.get(), command).ok());
  }
  channel_->Poll();
  EXPECT_FALSE(FileExists(dir.file("a")));
  EXPECT_TRUE(FileExists(dir.file("b")));
  EXPECT_EQ(channel_->uncommitted(), 0);
}

TEST_F(ChannelTest, EventsBeforeACheckpointArriveBeforeIt) {
  channel_->EmitStep(1, 1, 1, 0.1);
  channel_->EmitStep(2, 1, 1, 0.1);
  channel_->SendCheckpoint(v1::CheckpointWritten());
  const auto reports = Arrived();
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports[1].events().events(0).step().step(), 2);
  EXPECT_TRUE(reports[2].has_checkpoint());
}

}  // namespace
}  // namespace graphkiln::trainer
