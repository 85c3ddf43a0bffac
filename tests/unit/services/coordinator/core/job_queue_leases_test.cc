#include <gtest/gtest.h>

#include "services/coordinator/core/job_queue.h"
#include "tests/fakes/queue_harness.h"

namespace graphkiln::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using worker::v1::FinishLeaseRequest;
using worker::v1::HeldLease;

constexpr char kJob[] = "projects/default/jobs/a";

TEST(JobQueueLeasesTest, FromSubmitToSuccess) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  v1::Job job = harness.Get("a");
  EXPECT_EQ(job.state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(job.worker(), "workers/w");
  EXPECT_EQ(job.attempts(), 1);
  EXPECT_EQ(job.lease_epoch(), 1);
  EXPECT_TRUE(job.has_start_time());
  FinishLeaseRequest finish = QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_SUCCEEDED);
  (*finish.mutable_metrics())["test_accuracy"] = 0.97;
  finish.set_step(100);
  ASSERT_OK(harness.FinishLease(finish).status());
  job = harness.Get("a");
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(job.metrics().at("test_accuracy"), 0.97);
  EXPECT_EQ(job.step(), 100);
  ASSERT_EQ(job.history_size(), 1);
  EXPECT_EQ(job.history(0).outcome(), "SUCCEEDED");
  EXPECT_TRUE(job.history(0).has_end_time());
  EXPECT_THAT(harness.History("a"), ElementsAre(v1::JOB_STATE_QUEUED, v1::JOB_STATE_OFFERED,
                                                v1::JOB_STATE_RUNNING, v1::JOB_STATE_SUCCEEDED));
  EXPECT_OK(harness.queue->CheckInvariants());
}

TEST(JobQueueLeasesTest, I2_TheOfferLeavesOnlyWhenItsEpochIsDurable) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(worker.Report());
  std::optional<absl::StatusOr<v1::Job>> answer;
  harness.SubmitLater(harness.Args("a"), &answer);
  ASSERT_TRUE(harness.store.FlushOne());  // the submit; the offer is in the next commit
  ASSERT_OK_AND_ASSIGN(auto wish, harness.queue->OrdersFor("w"));
  EXPECT_EQ(wish.orders_size(), 0);
  ASSERT_TRUE(harness.store.FlushOne());
  ASSERT_OK_AND_ASSIGN(wish, harness.queue->OrdersFor("w"));
  ASSERT_EQ(wish.orders_size(), 1);
  EXPECT_EQ(wish.orders(0).lease_epoch(), 1);
  EXPECT_TRUE(wish.orders(0).spec().has_ir());
  EXPECT_EQ(wish.orders(0).spec().ir().schema_version(), 1);
}

TEST(JobQueueLeasesTest, I2_AfterACrashBetweenOfferAndCommitTheEpochIsStillNew) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(harness.queue->Report(worker.Request()).status());  // offered, not durable
  EXPECT_EQ(harness.store.waiting(), 1u);
  harness.Crash();
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_QUEUED);
  ASSERT_OK(worker.Sync());
  EXPECT_EQ(harness.Get("a").lease_epoch(), 1);
}

TEST(JobQueueLeasesTest, AnOfferThatIsNotEchoedIsWithdrawn) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Report());
  for (int i = 0; i < 2; ++i) {  // it goes on reporting, but never takes it
    harness.Advance(absl::Seconds(4));
    ASSERT_OK(worker.Report());
  }
  EXPECT_EQ(harness.Get("a").lease_epoch(), 1);
  harness.Advance(absl::Seconds(3));
  v1::Job job = harness.Get("a");
  EXPECT_EQ(job.state(), v1::JOB_STATE_QUEUED);  // others are asked first; there are none
  EXPECT_THAT(job.pending_reason(), HasSubstr("OFFER_TIMEOUT"));
  EXPECT_THAT(job.history(0).outcome(), StartsWith("OFFER_TIMEOUT"));
  ASSERT_OK(worker.Report());
  harness.Advance(absl::Seconds(5));
  job = harness.Get("a");
  EXPECT_EQ(job.state(), v1::JOB_STATE_OFFERED);
  EXPECT_EQ(job.lease_epoch(), 2);
}

TEST(JobQueueLeasesTest, ARejectedOfferIsHeldBackAndMadeAgain) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Report());
  HeldLease& lease = worker.held[kJob];
  lease.set_job(kJob);
  lease.set_lease_epoch(1);
  lease.set_phase(HeldLease::PHASE_REJECTED);
  lease.set_reason("no memory");
  ASSERT_OK(worker.Report());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_QUEUED);
  EXPECT_THAT(harness.Get("a").pending_reason(), HasSubstr("no memory"));
  worker.held.clear();
  ASSERT_OK(worker.Report());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_QUEUED);
  harness.Advance(absl::Seconds(6));
  EXPECT_EQ(harness.Get("a").lease_epoch(), 2);
}

TEST(JobQueueLeasesTest, AnInfrastructureFailureIsTriedAgainWithGrowingPauses) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  for (int64_t attempt = 1; attempt <= 4; ++attempt) {
    ASSERT_OK(worker.Sync());
    ASSERT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING) << attempt;
    FinishLeaseRequest finish = QueueHarness::Finish(
        kJob, attempt, FinishLeaseRequest::OUTCOME_FAILED_INFRA, "TRAINER_KILLED: signal 9");
    finish.set_log_tail("one\ntwo\n");
    ASSERT_OK(harness.FinishLease(finish).status());
    worker.held.clear();
    if (attempt == 4) break;
    ASSERT_EQ(harness.State("a"), v1::JOB_STATE_BACKOFF);
    harness.Advance(absl::Seconds(1 << (attempt - 1)) - absl::Milliseconds(1));
    ASSERT_EQ(harness.State("a"), v1::JOB_STATE_BACKOFF);
    harness.Advance(absl::Milliseconds(1));
    ASSERT_NE(harness.State("a"), v1::JOB_STATE_BACKOFF);
  }
  const v1::Job job = harness.Get("a");
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(job.reason(), "TRAINER_KILLED: signal 9 (4 attempts failed)");
  EXPECT_EQ(job.history_size(), 4);
  int log_lines = 0;
  for (const auto& event : harness.store.events(job.uid())) log_lines += event->has_log() ? 1 : 0;
  EXPECT_EQ(log_lines, 8);
}

TEST(JobQueueLeasesTest, AUserFailureIsFinal) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  ASSERT_OK(harness
                .FinishLease(QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_FAILED_USER,
                                                  "OUT_OF_MEMORY: 3 GiB"))
                .status());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_FAILED);
  EXPECT_EQ(harness.Get("a").reason(), "OUT_OF_MEMORY: 3 GiB");
}

TEST(JobQueueLeasesTest, RetriesAsTheJobSays) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  SubmitArgs args = harness.Args("a");
  args.spec.set_max_retries(0);
  ASSERT_OK(harness.Submit(args).status());
  ASSERT_OK(worker.Sync());
  ASSERT_OK(
      harness.FinishLease(QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_FAILED_INFRA))
          .status());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_FAILED);
}

TEST(JobQueueLeasesTest, I6_NeverMoreOffersThanSlots) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w", 2);
  for (const char* id : {"a", "b", "c"}) ASSERT_OK(harness.Submit(id).status());
  ASSERT_OK(worker.Sync());
  EXPECT_EQ(worker.wish.orders_size(), 2);
  EXPECT_EQ(harness.State("c"), v1::JOB_STATE_QUEUED);
  ASSERT_OK(
      harness.FinishLease(QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_SUCCEEDED))
          .status());
  EXPECT_EQ(harness.State("c"), v1::JOB_STATE_OFFERED);
}

TEST(JobQueueLeasesTest, AStopThatIsNotObeyedQuarantinesTheWorker) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  ASSERT_OK(harness.Cancel("a", absl::Seconds(10)).status());
  for (int i = 0; i < 14; ++i) {
    harness.Advance(absl::Seconds(4.9));
    ASSERT_OK(worker.Report());
  }
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_CANCELLING);
  harness.Advance(absl::Seconds(4));
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_CANCELLED);
  ASSERT_OK_AND_ASSIGN(v1::Worker shown, harness.queue->GetWorker("w"));
  EXPECT_EQ(shown.state(), v1::WORKER_STATE_QUARANTINED);
  // It gets nothing until it is a new process.
  ASSERT_OK(harness.Submit("b").status());
  worker.held.clear();
  ASSERT_OK(worker.Sync());
  EXPECT_EQ(harness.State("b"), v1::JOB_STATE_QUEUED);
  worker.Restart();
  ASSERT_OK(worker.Sync());
  EXPECT_EQ(harness.State("b"), v1::JOB_STATE_RUNNING);
}

TEST(JobQueueLeasesTest, AJobThatWasDoneBeforeItCouldObeyAPauseSucceeds) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  ASSERT_OK(harness.Do(&JobQueue::Pause, "a").status());
  ASSERT_OK_AND_ASSIGN(
      const v1::JobState state,
      harness.FinishLease(QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_SUCCEEDED)));
  EXPECT_EQ(state, v1::JOB_STATE_SUCCEEDED);
}

TEST(JobQueueLeasesTest, NoOffersWhileTheStorageIsAway) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  harness.store.Refuse(true);
  ASSERT_OK(worker.Report());
  EXPECT_EQ(harness.store.waiting(), 0u);
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_QUEUED);
  harness.store.Refuse(false);
  ASSERT_OK(worker.Sync());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
}

// Takes no offer; says why.
void RejectAll(FakeWorker& worker) {
  ASSERT_OK(worker.Report());
  worker.held.clear();
  for (const auto& order : worker.wish.orders()) {
    HeldLease& lease = worker.held[order.job()];
    lease.set_job(order.job());
    lease.set_lease_epoch(order.lease_epoch());
    lease.set_phase(HeldLease::PHASE_REJECTED);
    lease.set_reason("unknown operator");
  }
  ASSERT_OK(worker.Report());
  worker.held.clear();
}

TEST(JobQueueLeasesTest, AnotherWorkerIsAskedAtOnceWhenOneRefuses) {
  QueueHarness harness;
  FakeWorker refuses(&harness, "a-refuses");  // first by name
  FakeWorker takes(&harness, "takes");
  ASSERT_OK(refuses.Report());
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_EQ(harness.Get("a").worker(), "workers/a-refuses");
  ASSERT_OK(takes.Report());
  RejectAll(refuses);
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_OFFERED);
  EXPECT_EQ(harness.Get("a").worker(), "workers/takes");
  ASSERT_OK(takes.Sync());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
}

TEST(JobQueueLeasesTest, AJobThatEverybodyRefusesFailsWithTheReasonAndHoldsNobodyUp) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Report());
  RejectAll(worker);
  ASSERT_OK(harness.Submit("behind").status());
  EXPECT_EQ(harness.State("behind"), v1::JOB_STATE_OFFERED);  // the same needs, the same line
  ASSERT_OK(harness.Cancel("behind").status());
  int offers = 1;
  int64_t epoch = 1;
  for (int i = 0; i < 1'000 && harness.State("a") == v1::JOB_STATE_QUEUED; ++i) {
    harness.Advance(absl::Seconds(4));
    RejectAll(worker);
    if (harness.Get("a").lease_epoch() > epoch) ++offers;
    epoch = harness.Get("a").lease_epoch();
    ASSERT_OK(harness.queue->CheckInvariants());
  }
  const v1::Job job = harness.Get("a");
  EXPECT_EQ(job.state(), v1::JOB_STATE_FAILED);
  EXPECT_EQ(offers, 8);
  EXPECT_THAT(job.reason(), StartsWith("OFFERS_REFUSED: 8 offers"));
  EXPECT_THAT(job.reason(), HasSubstr("unknown operator"));
}

}  // namespace
}  // namespace graphkiln::coordinator
