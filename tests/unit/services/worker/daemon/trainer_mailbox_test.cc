#include "services/worker/daemon/trainer_mailbox.h"

#include <string>
#include <vector>

#include "common/base/fake_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_coordinator_api.h"

namespace graphkiln::worker {
namespace {

using graphkiln::v1::Event;
using trainer::v1::Finished;
using trainer::v1::TrainerReport;

const LeaseId kId{"projects/default/jobs/j", 1};

class Listener final : public LeaseListener {
 public:
  void OnTrainerStarted(const LeaseId&) override { ++started; }
  void OnStep(const LeaseId&, int64_t step) override { steps.push_back(step); }
  void OnEnded(const LeaseId&) override {}
  void OnFenced(const LeaseId&) override {}
  void OnClosed(const LeaseId&) override {}
  int started = 0;
  std::vector<int64_t> steps;
};

class TrainerMailboxTest : public testing::Test {
 protected:
  void SetUp() override { events_.Open(kId); }
  FakeClock clock_;
  fake::FakeEventSink events_;
  Listener listener_;
  TrainerMailbox mailbox_{kId, events_, listener_, clock_};
};

TEST_F(TrainerMailboxTest, EventsGoOnWithTimeAndProgressIsNoted) {
  TrainerReport report;
  report.mutable_events()->add_events()->mutable_step()->set_step(7);
  Event* timed = report.mutable_events()->add_events();
  timed->mutable_step()->set_step(8);
  timed->mutable_time()->set_seconds(5);
  report.mutable_events()->add_events()->mutable_epoch()->set_epoch(2);
  (*report.mutable_events()->add_events()->mutable_system()->mutable_values())["peak_rss_bytes"] =
      4096;
  mailbox_.OnReport(report);
  const std::vector<Event> events = events_.events(kId);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_EQ(events[1].time().seconds(), 5);
  EXPECT_EQ(mailbox_.step(), 8);
  EXPECT_EQ(mailbox_.epoch(), 2);
  EXPECT_EQ(mailbox_.peak_bytes(), 4096);
  EXPECT_THAT(listener_.steps, testing::ElementsAre(8));
}

TEST_F(TrainerMailboxTest, WhatIsTheCoordinatorsToTellIsDropped) {
  TrainerReport report;
  report.mutable_events()->add_events()->mutable_state();
  report.mutable_events()->add_events()->mutable_checkpoint();
  report.mutable_events()->add_events();
  mailbox_.OnReport(report);
  EXPECT_TRUE(events_.events(kId).empty());
}

TEST_F(TrainerMailboxTest, GapsOfTheTrainerAreTold) {
  TrainerReport report;
  report.mutable_events()->add_events()->mutable_gap()->set_count(12);
  mailbox_.OnReport(report);
  ASSERT_EQ(events_.events(kId).size(), 1u);
  EXPECT_EQ(events_.events(kId)[0].gap().count(), 12);
}

TEST_F(TrainerMailboxTest, ItemsKeepTheirOrder) {
  EXPECT_FALSE(mailbox_.Wait(absl::ZeroDuration()).has_value());
  TrainerReport checkpoint;
  checkpoint.mutable_checkpoint()->set_step(3);
  mailbox_.OnReport(checkpoint);
  TrainerReport finished;
  finished.mutable_finished()->set_outcome(Finished::OUTCOME_SUCCEEDED);
  mailbox_.OnReport(finished);
  TrainerExit exit;
  exit.exit_code = 0;
  mailbox_.OnExit(exit);
  EXPECT_TRUE(mailbox_.WaitAny(absl::ZeroDuration()));
  EXPECT_EQ(mailbox_.Wait(absl::InfiniteDuration())->checkpoint->step(), 3);
  EXPECT_TRUE(mailbox_.Wait(absl::InfiniteDuration())->finished.has_value());
  EXPECT_TRUE(mailbox_.Wait(absl::InfiniteDuration())->exit.has_value());
}

TEST_F(TrainerMailboxTest, StartedIsPassedOnAndItsStepCounts) {
  TrainerReport report;
  report.mutable_started()->set_first_step(100);
  mailbox_.OnReport(report);
  EXPECT_EQ(listener_.started, 1);
  EXPECT_EQ(mailbox_.step(), 100);
}

TEST_F(TrainerMailboxTest, LogLinesBecomeEventsWithTheirLevel) {
  mailbox_.OnLogLine("2026-11-21T05:06:44.287+00:00 W kiln-trainer[17] careful");
  mailbox_.OnLogLine("plain");
  const std::vector<Event> events = events_.events(kId);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].log().level(), "warning");
  EXPECT_EQ(events[1].log().level(), "info");
  EXPECT_EQ(events[1].log().message(), "plain");
}

TEST(LevelOfLineTest, OnlyOurOwnFormHasLevels) {
  EXPECT_STREQ(LevelOfLine("2026 D p[1] x"), "debug");
  EXPECT_STREQ(LevelOfLine("2026 I p[1] x"), "info");
  EXPECT_STREQ(LevelOfLine("2026 E p[1] x"), "error");
  EXPECT_STREQ(LevelOfLine("Error: E is large"), "info");
  EXPECT_STREQ(LevelOfLine(""), "info");
  EXPECT_STREQ(LevelOfLine("x E"), "info");
}

}  // namespace
}  // namespace graphkiln::worker
