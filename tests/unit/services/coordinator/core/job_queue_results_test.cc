#include <gtest/gtest.h>

#include "services/coordinator/core/job_queue.h"
#include "tests/fakes/queue_harness.h"

namespace graphkiln::coordinator {
namespace {

using testing::ElementsAre;
using worker::v1::FinishLeaseRequest;
using worker::v1::PublishEventsRequest;

constexpr char kJob[] = "projects/default/jobs/a";

class JobQueueResultsTest : public testing::Test {
 protected:
  void SetUp() override {
    SubmitArgs args = harness.Args("a");
    args.spec.mutable_checkpoint()->set_keep_last(2);
    args.received = harness.clock.Monotonic();
    harness.clock.Advance(absl::Milliseconds(20));
    ASSERT_OK(harness.Submit(args).status());
    ASSERT_OK(worker.Sync());
    ASSERT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
    uid = harness.Get("a").uid();
  }

  QueueHarness harness;
  FakeWorker worker{&harness, "w"};
  std::string uid;
};

TEST_F(JobQueueResultsTest, EventsAreAcknowledgedWhenDurableAndShowAsProgress) {
  std::optional<PublishResult> result;
  harness.queue->PublishEvents(worker.Steps(kJob, 1, 5, 1),
                               [&](const auto& answer) { result = *answer; });
  EXPECT_FALSE(result.has_value());
  EXPECT_EQ(harness.queue->Get("a")->step(), 0);
  harness.store.Flush();
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->acknowledged_seq, 5u);
  EXPECT_FALSE(result->fenced);
  EXPECT_EQ(harness.Get("a").step(), 5);
  EXPECT_DOUBLE_EQ(harness.Get("a").metrics().at("loss"), 0.2);
  EXPECT_EQ(harness.store.points(uid, "loss"), 5u);
}

TEST_F(JobQueueResultsTest, TheFirstLossIsTimedFromTheRequestToTheCommit) {
  harness.clock.Advance(absl::Milliseconds(10));
  harness.queue->PublishEvents(worker.Steps(kJob, 1, 1, 1), [](const auto&) {});
  harness.clock.Advance(absl::Milliseconds(5));
  harness.store.Flush();
  EXPECT_DOUBLE_EQ(harness.Get("a").measured().first_loss_seconds(), 0.035);
  harness.clock.Advance(absl::Seconds(5));
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 2, 1, 2)).status());
  EXPECT_DOUBLE_EQ(harness.Get("a").measured().first_loss_seconds(), 0.035);
}

TEST_F(JobQueueResultsTest, I9_EventsSentAgainAreStoredOnce) {
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 1, 5, 1)).status());
  const size_t before = harness.store.events(uid).size();
  ASSERT_OK_AND_ASSIGN(PublishResult result, harness.Publish(worker.Steps(kJob, 3, 4, 3)));
  EXPECT_EQ(result.acknowledged_seq, 6u);
  EXPECT_EQ(harness.store.events(uid).size(), before + 1);
  // Also after both sides were restarted in between.
  harness.Crash();
  ASSERT_OK(worker.Report());
  ASSERT_OK_AND_ASSIGN(result, harness.Publish(worker.Steps(kJob, 6, 1, 6)));
  EXPECT_EQ(result.acknowledged_seq, 6u);
  EXPECT_EQ(harness.store.events(uid).size(), before + 1);
}

TEST_F(JobQueueResultsTest, I12_DroppedPointsShowAsOneGapWithACount) {
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 1, 1, 1)).status());
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 10, 1, 10)).status());  // 8 are missing
  PublishEventsRequest told = worker.Steps(kJob, 12, 1, 12);
  told.mutable_events(0)->set_worker_seq(15);
  worker::v1::LeaseEvent& gap = *told.add_events();
  gap.set_worker_seq(20);
  gap.mutable_event()->mutable_gap()->set_first_missing(16);
  gap.mutable_event()->mutable_gap()->set_last_missing(20);
  gap.mutable_event()->mutable_gap()->set_count(5);
  ASSERT_OK_AND_ASSIGN(const PublishResult result, harness.Publish(told));
  EXPECT_EQ(result.acknowledged_seq, 20u);
  std::vector<int64_t> counts;
  int64_t last = 0;
  for (const auto& event : harness.store.events(uid)) {
    EXPECT_EQ(event->seq(), last + 1);
    last = event->seq();
    if (!event->has_gap()) continue;
    counts.push_back(event->gap().count());
    EXPECT_EQ(event->gap().first_missing(), 0);  // never had a position here
  }
  EXPECT_THAT(counts, ElementsAre(8, 4, 5));
}

TEST_F(JobQueueResultsTest, I12_EventsThatNeverArrivedShowAsAGapBeforeTheEnd) {
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 1, 4, 1)).status());
  FinishLeaseRequest finish = QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_SUCCEEDED);
  finish.set_last_event_seq(11);
  ASSERT_OK(harness.FinishLease(finish).status());
  ASSERT_OK(harness.FinishLease(finish).status());  // again: not counted again
  std::vector<int64_t> counts;
  bool ended = false;
  for (const auto& event : harness.store.events(uid)) {
    if (event->has_gap()) {
      EXPECT_FALSE(ended);
      counts.push_back(event->gap().count());
    }
    ended |= event->state().state() == v1::JOB_STATE_SUCCEEDED;
  }
  EXPECT_TRUE(ended);
  EXPECT_THAT(counts, ElementsAre(7));
}

TEST_F(JobQueueResultsTest, NoGapWhereAllEventsArrived) {
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 1, 4, 1)).status());
  FinishLeaseRequest finish = QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_SUCCEEDED);
  finish.set_last_event_seq(4);
  ASSERT_OK(harness.FinishLease(finish).status());
  for (const auto& event : harness.store.events(uid)) EXPECT_FALSE(event->has_gap());
}

TEST_F(JobQueueResultsTest, StateAndCheckpointEventsOfAWorkerAreNotBelieved) {
  PublishEventsRequest request = worker.Steps(kJob, 1, 1, 1);
  request.mutable_events(0)->mutable_event()->mutable_state()->set_state(v1::JOB_STATE_SUCCEEDED);
  ASSERT_OK_AND_ASSIGN(const PublishResult result, harness.Publish(request));
  EXPECT_EQ(result.acknowledged_seq, 1u);
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  for (const auto& event : harness.store.events(uid)) {
    EXPECT_NE(event->state().state(), v1::JOB_STATE_SUCCEEDED);
  }
}

TEST_F(JobQueueResultsTest, I3_AStaleEpochIsRefusedEverywhere) {
  const PublishEventsRequest stale = worker.Steps(kJob, 1, 1, 1);
  worker.Restart();
  ASSERT_OK(worker.Sync());
  ASSERT_EQ(harness.Get("a").lease_epoch(), 2);
  const size_t before = harness.store.events(uid).size();
  ASSERT_OK_AND_ASSIGN(const PublishResult result, harness.Publish(stale));
  EXPECT_TRUE(result.fenced);
  EXPECT_EQ(ReasonOf(harness.Checkpoint(kJob, 1, 5, FakeDigest('c')).status()),
            v1::ERROR_REASON_LEASE_FENCED);
  const absl::Status finish =
      harness.FinishLease(QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_SUCCEEDED))
          .status();
  EXPECT_THAT(finish, StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(ReasonOf(finish), v1::ERROR_REASON_LEASE_FENCED);
  // And one from the future.
  EXPECT_EQ(ReasonOf(harness.Checkpoint(kJob, 9, 5, FakeDigest('c')).status()),
            v1::ERROR_REASON_LEASE_FENCED);
  EXPECT_EQ(harness.store.events(uid).size(), before);
  EXPECT_EQ(harness.Get("a").checkpoints_size(), 0);
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
}

TEST_F(JobQueueResultsTest, I4_TheSameFinishGetsTheSameAnswerADifferentOneIsFenced) {
  const FinishLeaseRequest finish =
      QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_SUCCEEDED);
  int answers = 0;
  for (int i = 0; i < 2; ++i) {  // the second while the first runs
    harness.queue->FinishLease(finish, [&](const auto& response) {
      ASSERT_OK(response.status());
      EXPECT_EQ(response->state(), v1::JOB_STATE_SUCCEEDED);
      ++answers;
    });
  }
  EXPECT_EQ(answers, 0);
  harness.store.Flush();
  EXPECT_EQ(answers, 2);
  harness.Crash();
  ASSERT_OK_AND_ASSIGN(const v1::JobState state, harness.FinishLease(finish));
  EXPECT_EQ(state, v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(ReasonOf(harness
                         .FinishLease(
                             QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_FAILED_USER))
                         .status()),
            v1::ERROR_REASON_LEASE_FENCED);
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(harness.History("a").size(), 4u);
}

TEST_F(JobQueueResultsTest, CheckpointsAreKeptByPolicyAndUnusedFilesReleased) {
  std::vector<std::string> released;
  harness.queue->SetReleasedListener([&](const std::vector<std::string>& files) {
    released.insert(released.end(), files.begin(), files.end());
  });
  ASSERT_OK(harness.Checkpoint(kJob, 1, 10, FakeDigest('1'), /*best=*/true).status());
  ASSERT_OK(harness.Checkpoint(kJob, 1, 20, FakeDigest('2')).status());
  ASSERT_OK(harness.Checkpoint(kJob, 1, 20, FakeDigest('2')).status());  // sent again
  ASSERT_OK(harness.Checkpoint(kJob, 1, 30, FakeDigest('3')).status());
  ASSERT_OK_AND_ASSIGN(auto response, harness.Checkpoint(kJob, 1, 40, FakeDigest('4')));
  EXPECT_THAT(response.kept(), ElementsAre(FakeDigest('1'), FakeDigest('3'), FakeDigest('4')));
  EXPECT_THAT(released, ElementsAre(FakeDigest('2')));
  ASSERT_OK(harness.Checkpoint(kJob, 1, 50, FakeDigest('5'), /*best=*/true).status());
  EXPECT_THAT(released, ElementsAre(FakeDigest('2'), FakeDigest('1'), FakeDigest('3')));
  const v1::Job job = harness.Get("a");
  ASSERT_EQ(job.checkpoints_size(), 2);
  EXPECT_EQ(job.checkpoints(1).step(), 50);
  EXPECT_EQ(job.checkpoints(1).lease_epoch(), 1);
  int events = 0;
  for (const auto& event : harness.store.events(uid)) events += event->has_checkpoint() ? 1 : 0;
  EXPECT_EQ(events, 5);
}

TEST_F(JobQueueResultsTest, ARetryContinuesFromTheLastCheckpoint) {
  ASSERT_OK(harness.Checkpoint(kJob, 1, 10, FakeDigest('1')).status());
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 1, 15, 1)).status());
  EXPECT_EQ(harness.Get("a").step(), 15);
  worker.Restart();
  ASSERT_OK(worker.Report());
  ASSERT_OK(worker.Report());
  ASSERT_NE(worker.OrderOf(kJob), nullptr);
  EXPECT_EQ(worker.OrderOf(kJob)->spec().resume_from().artifact(), FakeDigest('1'));
  EXPECT_EQ(harness.Get("a").step(), 10);
  EXPECT_EQ(harness.Get("a").history(1).first_step(), 10);
}

TEST_F(JobQueueResultsTest, WritesAreRefusedWhileTheStorageIsAwayAndMayBeSentAgain) {
  harness.store.Refuse(true);
  EXPECT_EQ(ReasonOf(harness.Publish(worker.Steps(kJob, 1, 1, 1)).status()),
            v1::ERROR_REASON_STORAGE_UNAVAILABLE);
  EXPECT_EQ(ReasonOf(harness.Checkpoint(kJob, 1, 5, FakeDigest('c')).status()),
            v1::ERROR_REASON_STORAGE_UNAVAILABLE);
  const FinishLeaseRequest finish =
      QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_SUCCEEDED);
  EXPECT_EQ(ReasonOf(harness.FinishLease(finish).status()), v1::ERROR_REASON_STORAGE_UNAVAILABLE);
  harness.store.Refuse(false);
  ASSERT_OK_AND_ASSIGN(const PublishResult result, harness.Publish(worker.Steps(kJob, 1, 1, 1)));
  EXPECT_EQ(result.acknowledged_seq, 1u);
  ASSERT_OK(harness.FinishLease(finish).status());
}

TEST_F(JobQueueResultsTest, HostileResultsAreRefused) {
  FinishLeaseRequest finish = QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_SUCCEEDED);
  (*finish.mutable_artifacts())["../../etc/passwd"] = FakeDigest('a');
  EXPECT_THAT(harness.FinishLease(finish), StatusIs(absl::StatusCode::kInvalidArgument));
  finish.clear_artifacts();
  (*finish.mutable_artifacts())["ok.txt"] = "../x";
  EXPECT_THAT(harness.FinishLease(finish), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      harness.FinishLease(QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_UNSPECIFIED)),
      StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(harness.Checkpoint(kJob, 1, 5, "../x"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(harness.Checkpoint(kJob, 1, -5, FakeDigest('c')),
              StatusIs(absl::StatusCode::kInvalidArgument));
  PublishEventsRequest many = worker.Steps(kJob, 1, 10'001, 1);
  EXPECT_THAT(harness.Publish(many), StatusIs(absl::StatusCode::kInvalidArgument));
  PublishEventsRequest log = worker.Steps(kJob, 1, 1, 1);
  log.mutable_events(0)->mutable_event()->mutable_log()->set_message(
      std::string(16 * 1024 - 1, 'x') + "\xe2\x82\xac and more");
  ASSERT_OK(harness.Publish(log).status());
  // Cut before the character that does not fit, so that it can be read again.
  EXPECT_EQ(harness.store.events(uid).back()->log().message(), std::string(16 * 1024 - 1, 'x'));
}

TEST_F(JobQueueResultsTest, I4_ARepeatedFinishIsNotAnsweredWhenTheFirstWasGivenUp) {
  const FinishLeaseRequest finish =
      QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_SUCCEEDED);
  absl::Status first;
  harness.queue->FinishLease(finish, [&](const auto& response) { first = response.status(); });
  harness.store.GiveUp();
  EXPECT_EQ(ReasonOf(first), v1::ERROR_REASON_STORAGE_UNAVAILABLE);
  EXPECT_EQ(ReasonOf(harness.FinishLease(finish).status()), v1::ERROR_REASON_STORAGE_UNAVAILABLE);
  harness.Crash();
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  ASSERT_OK(worker.Report());
  ASSERT_OK(harness.FinishLease(finish).status());
}

TEST_F(JobQueueResultsTest, I3_TheStoreFencesCheckpointsToo) {
  harness.store.CloseLeases();
  SetAbortOnBug(false);
  EXPECT_FALSE(harness.Checkpoint(kJob, 1, 10, FakeDigest('1')).ok());
  SetAbortOnBug(true);
  EXPECT_EQ(harness.queue->Get("a")->checkpoints_size(), 0);
}

TEST_F(JobQueueResultsTest, SeriesOfAJobAreBoundedAndTheRestShowsAsAGap) {
  constexpr int kNames = 12'000;
  int64_t sent = 0;
  for (uint64_t seq = 1; sent < kNames; ++seq) {
    PublishEventsRequest request = worker.Steps(kJob, seq, 1, static_cast<int64_t>(seq));
    auto& values = *request.mutable_events(0)->mutable_event()->mutable_step()->mutable_values();
    for (int i = 0; i < 3'000; ++i) values[fmt::format("s{}", sent++)] = 1;
    ASSERT_OK(harness.Publish(request).status());
  }
  int64_t kept = 0;
  int64_t gaps = 0;
  for (const auto& event : harness.store.events(uid)) {
    kept += event->step().values_size();
    gaps += event->gap().count();
  }
  EXPECT_EQ(kept, 10'000);
  EXPECT_EQ(gaps, 2'000);
  // Known ones go on.
  PublishEventsRequest known = worker.Steps(kJob, 50, 1, 50);
  const std::string name = harness.store.events(uid)[4]->step().values().begin()->first;
  (*known.mutable_events(0)->mutable_event()->mutable_step()->mutable_values())[name] = 2;
  ASSERT_OK(harness.Publish(known).status());
  EXPECT_EQ(harness.store.points(uid, name), 2u);
}

TEST_F(JobQueueResultsTest, FilesCountAsUsedUntilTheirDropIsDurable) {
  std::vector<std::string> released;
  harness.queue->SetReleasedListener([&](const std::vector<std::string>& files) {
    released.insert(released.end(), files.begin(), files.end());
  });
  for (const char digit : {'1', '2'}) {
    ASSERT_OK(harness.Checkpoint(kJob, 1, digit - '0', FakeDigest(digit)).status());
  }
  worker::v1::CommitCheckpointRequest third;
  third.set_job(kJob);
  third.set_lease_epoch(1);
  third.mutable_checkpoint()->set_step(3);
  third.mutable_checkpoint()->set_artifact(FakeDigest('3'));
  harness.queue->CommitCheckpoint(third, [](const auto&) {});
  EXPECT_TRUE(harness.queue->UsesArtifact(FakeDigest('3')));
  EXPECT_TRUE(harness.queue->UsesArtifact(FakeDigest('1')));  // the stored row still names it
  harness.store.Flush();
  EXPECT_FALSE(harness.queue->UsesArtifact(FakeDigest('1')));
  EXPECT_THAT(released, ElementsAre(FakeDigest('1')));
  // A file that a later end replaces goes too.
  FinishLeaseRequest finish = QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_RELEASED);
  (*finish.mutable_artifacts())["report.json"] = FakeDigest('a');
  ASSERT_OK(harness.FinishLease(finish).status());
  worker.held.clear();
  ASSERT_OK(worker.Sync());
  finish = QueueHarness::Finish(kJob, 2, FinishLeaseRequest::OUTCOME_SUCCEEDED);
  (*finish.mutable_artifacts())["report.json"] = FakeDigest('b');
  ASSERT_OK(harness.FinishLease(finish).status());
  EXPECT_THAT(released, ElementsAre(FakeDigest('1'), FakeDigest('a')));
  EXPECT_TRUE(harness.queue->UsesArtifact(FakeDigest('b')));
}

}  // namespace
}  // namespace graphkiln::coordinator
