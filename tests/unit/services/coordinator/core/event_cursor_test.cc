#include "services/coordinator/core/event_cursor.h"

#include <gtest/gtest.h>

#include "services/coordinator/core/job_queue.h"
#include "tests/fakes/queue_harness.h"

namespace graphkiln::coordinator {
namespace {

using Kind = EventCursor::Kind;
using testing::ElementsAre;
using testing::SizeIs;

constexpr char kJob[] = "projects/default/jobs/a";

class EventCursorTest : public testing::Test {
 protected:
  static CoreOptions SmallRing() {
    CoreOptions options;
    options.ring_events = 8;
    return options;
  }
  void SetUp() override {
    ASSERT_OK(harness.Submit("a").status());
    ASSERT_OK(worker.Sync());
    uid = harness.Get("a").uid();
  }
  // Reads until there is nothing more; checks I10 on the way.
  std::vector<v1::Event> Drain(EventCursor& cursor, Kind* end = nullptr,
                               std::string* token = nullptr) {
    std::vector<v1::Event> events;
    while (true) {
      EventCursor::Batch batch = cursor.Next(3);
      if (token != nullptr) *token = batch.response.resume_token();
      if (batch.kind == Kind::kLoad) {
        cursor.Load();
        continue;
      }
      if (batch.kind != Kind::kEvents) {
        if (end != nullptr) *end = batch.kind;
        return events;
      }
      EXPECT_EQ(batch.response.events_size(), batch.response.event_tokens_size());
      for (const v1::Event& event : batch.response.events()) events.push_back(event);
    }
  }

  QueueHarness harness{SmallRing()};
  FakeWorker worker{&harness, "w"};
  std::string uid;
};

TEST_F(EventCursorTest, ReadsFromTheBeginningThroughTheStoreAndWaits) {
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 1, 30, 1)).status());
  ASSERT_OK_AND_ASSIGN(auto cursor, harness.queue->Watch("a", "", 0));
  Kind end = Kind::kError;
  const std::vector<v1::Event> events = Drain(*cursor, &end);
  EXPECT_EQ(end, Kind::kWait);
  ASSERT_THAT(events, SizeIs(33));  // QUEUED, OFFERED, RUNNING and the steps
  for (size_t i = 0; i < events.size(); ++i)
    EXPECT_EQ(events[i].seq(), static_cast<int64_t>(i + 1));
}

TEST_F(EventCursorTest, IsToldOfNewEventsOnlyWhenTheyAreDurable) {
  ASSERT_OK_AND_ASSIGN(auto cursor, harness.queue->Watch("a", "", 0));
  Drain(*cursor);
  int calls = 0;
  cursor->SetListener([&] { ++calls; });
  harness.queue->PublishEvents(worker.Steps(kJob, 1, 1, 1), [](const auto&) {});
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(cursor->Next(10).kind, Kind::kWait);
  harness.store.Flush();
  EXPECT_GE(calls, 1);
  EXPECT_EQ(cursor->Next(10).kind, Kind::kEvents);
}

TEST_F(EventCursorTest, ATokenResumesAfterItsEventAlsoAfterARestart) {
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 1, 30, 1)).status());
  std::string token;
  {
    ASSERT_OK_AND_ASSIGN(auto cursor, harness.queue->Watch("a", "", 0));
    EventCursor::Batch batch = cursor->Next(100);
    while (batch.kind == Kind::kLoad) {
      cursor->Load();
      batch = cursor->Next(2);
    }
    ASSERT_EQ(batch.response.events_size(), 2);
    token = batch.response.event_tokens(0);
    EXPECT_EQ(batch.response.event_tokens(1), batch.response.resume_token());
  }
  harness.Crash();
  ASSERT_OK_AND_ASSIGN(auto cursor, harness.queue->Watch("a", token, 0));
  const std::vector<v1::Event> events = Drain(*cursor);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.front().seq(), 2);
  EXPECT_EQ(events.back().seq(), 33);
}

TEST_F(EventCursorTest, EndsAfterTheFinalState) {
  ASSERT_OK_AND_ASSIGN(auto cursor, harness.queue->Watch("a", "", 0));
  ASSERT_OK(harness
                .FinishLease(QueueHarness::Finish(
                    kJob, 1, worker::v1::FinishLeaseRequest::OUTCOME_SUCCEEDED))
                .status());
  Kind end = Kind::kWait;
  const std::vector<v1::Event> events = Drain(*cursor, &end);
  EXPECT_EQ(end, Kind::kEnd);
  EXPECT_EQ(events.back().state().state(), v1::JOB_STATE_SUCCEEDED);
  // A late reader gets all of it, too.
  cursor.reset();
  ASSERT_OK_AND_ASSIGN(auto late, harness.queue->Watch("a", "", 0));
  EXPECT_THAT(Drain(*late, &end), SizeIs(4));
  EXPECT_EQ(end, Kind::kEnd);
}

TEST_F(EventCursorTest, AFilterPassesItsTypesAndTheTokenMovesOn) {
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 1, 5, 1)).status());
  ASSERT_OK_AND_ASSIGN(const EventTypeSet types, ParseEventTypes({"state"}));
  ASSERT_OK_AND_ASSIGN(auto cursor, harness.queue->Watch("a", "", types));
  std::string token;
  std::vector<v1::JobState> states;
  for (const v1::Event& event : Drain(*cursor, nullptr, &token))
    states.push_back(event.state().state());
  EXPECT_THAT(states,
              ElementsAre(v1::JOB_STATE_QUEUED, v1::JOB_STATE_OFFERED, v1::JOB_STATE_RUNNING));
  ASSERT_OK_AND_ASSIGN(const ResumePosition position, OpenResume(harness.queue->sealer(), token));
  EXPECT_EQ(position.seq, 8);
  EXPECT_THAT(ParseEventTypes({"nothing"}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(EventCursorTest, I10_WhatTheStoreHasLostIsOneGap) {
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 1, 30, 1)).status());
  ASSERT_OK_AND_ASSIGN(auto cursor, harness.queue->Watch("a", "", 0));
  harness.store.DropEvents(uid, 10);
  std::vector<v1::Event> events = Drain(*cursor);
  ASSERT_THAT(events, SizeIs(24));
  EXPECT_EQ(events[0].gap().first_missing(), 1);
  EXPECT_EQ(events[0].gap().last_missing(), 10);
  EXPECT_EQ(events[0].gap().count(), 10);
  EXPECT_EQ(events[0].seq(), 10);
  EXPECT_EQ(events[1].seq(), 11);

  harness.store.DropEvents(uid, 100);  // all of it: only the ring is left
  ASSERT_OK_AND_ASSIGN(auto other, harness.queue->Watch("a", "", 0));
  events = Drain(*other);
  ASSERT_THAT(events, SizeIs(9));
  EXPECT_EQ(events[0].gap().last_missing(), 25);
  EXPECT_EQ(events[1].seq(), 26);
}

TEST_F(EventCursorTest, BadTokensAreRefused) {
  EXPECT_EQ(ReasonOf(harness.queue->Watch("a", "rubbish", 0).status()),
            v1::ERROR_REASON_TOKEN_INVALID);
  ASSERT_OK(harness.Submit("b").status());
  const std::string other_job = SealResume(harness.queue->sealer(), {harness.Get("b").uid(), 7, 0});
  EXPECT_EQ(ReasonOf(harness.queue->Watch("a", other_job, 0).status()),
            v1::ERROR_REASON_TOKEN_INVALID);
  const std::string other_log = SealResume(harness.queue->sealer(), {uid, 8, 1});
  const absl::Status expired = harness.queue->Watch("a", other_log, 0).status();
  EXPECT_EQ(ReasonOf(expired), v1::ERROR_REASON_EVENTS_EXPIRED);
  EXPECT_THAT(expired, StatusIs(absl::StatusCode::kOutOfRange));
  ASSERT_OK(harness.queue->Watch("a", MetadataOf(expired).at("oldest_token"), 0).status());
  EXPECT_THAT(harness.queue->Watch("nothing", "", 0), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(EventCursorTest, WatchersAreLimited) {
  CoreOptions options;
  options.max_watchers_per_job = 1;
  QueueHarness small(options);
  ASSERT_OK(small.Submit("a").status());
  ASSERT_OK_AND_ASSIGN(auto cursor, small.queue->Watch("a", "", 0));
  EXPECT_EQ(ReasonOf(small.queue->Watch("a", "", 0).status()), v1::ERROR_REASON_QUOTA_EXCEEDED);
  cursor.reset();
  EXPECT_OK(small.queue->Watch("a", "", 0).status());
}

}  // namespace
}  // namespace graphkiln::coordinator
