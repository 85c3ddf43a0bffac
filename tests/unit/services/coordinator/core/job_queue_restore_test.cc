#include <gtest/gtest.h>

#include "services/coordinator/core/job_queue.h"
#include "tests/fakes/queue_harness.h"

namespace graphkiln::coordinator {
namespace {

using testing::StartsWith;
using worker::v1::FinishLeaseRequest;

constexpr char kJob[] = "projects/default/jobs/a";

TEST(JobQueueRestoreTest, ARestartCostsARunningJobNothing) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 1, 5, 1)).status());
  harness.Crash();
  EXPECT_EQ(harness.queue->generation(), 2u);
  harness.Advance(absl::Seconds(20));  // the worker is late, but within the hold
  ASSERT_OK(worker.Report());
  EXPECT_TRUE(worker.wish.authoritative());
  ASSERT_NE(worker.OrderOf(kJob), nullptr);
  EXPECT_EQ(worker.OrderOf(kJob)->lease_epoch(), 1);
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 6, 5, 6)).status());
  const v1::Job job = harness.Get("a");
  EXPECT_EQ(job.state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(job.attempts(), 1);
  EXPECT_EQ(job.step(), 10);
  EXPECT_OK(harness.queue->CheckInvariants());
}

TEST(JobQueueRestoreTest, ProgressThatWasNotStoredIsReadFromTheEvents) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  for (uint64_t i = 1; i <= 20; ++i) {  // within a second: the row is not written each time
    ASSERT_OK(harness.Publish(worker.Steps(kJob, i, 1, static_cast<int64_t>(i))).status());
  }
  harness.Crash();
  EXPECT_EQ(harness.Get("a").step(), 20);
}

TEST(JobQueueRestoreTest, NothingExpiresDuringTheHoldAndEverythingAfterIt) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  harness.Crash();
  harness.Advance(absl::Seconds(59));
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  ASSERT_OK_AND_ASSIGN(const v1::Worker shown, harness.queue->GetWorker("w"));
  EXPECT_EQ(shown.state(), v1::WORKER_STATE_SUSPECT);
  harness.Advance(absl::Seconds(1));
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_QUEUED);
  EXPECT_THAT(harness.Get("a").history(0).outcome(), StartsWith("WORKER_LOST"));
}

TEST(JobQueueRestoreTest, TheFirstReportEndsTheHoldForItsWorker) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w", 2);
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(harness.Submit("b").status());
  ASSERT_OK(worker.Sync());
  harness.Crash();
  worker.held.erase(kJob);  // its trainer died meanwhile and the daemon forgot
  ASSERT_OK(worker.Report());
  EXPECT_EQ(harness.Get("a").lease_epoch(), 2);  // re-queued at once
  EXPECT_EQ(harness.Get("b").lease_epoch(), 1);
}

TEST(JobQueueRestoreTest, AResultThatWaitedForTheCoordinatorIsTaken) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  harness.Crash();
  ASSERT_OK_AND_ASSIGN(
      const v1::JobState state,
      harness.FinishLease(QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_SUCCEEDED)));
  EXPECT_EQ(state, v1::JOB_STATE_SUCCEEDED);
}

TEST(JobQueueRestoreTest, ACancelIsCarriedOutAfterTheRestart) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  ASSERT_OK(harness.Cancel("a").status());
  harness.Crash();
  ASSERT_OK(worker.Report());
  ASSERT_NE(worker.OrderOf(kJob), nullptr);
  EXPECT_EQ(worker.OrderOf(kJob)->action(), worker::v1::LeaseOrder::ACTION_STOP);
  worker.held.clear();
  ASSERT_OK(worker.Report());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_CANCELLED);
}

TEST(JobQueueRestoreTest, WaitingBackedOffPausedAndEndedJobsStayWhatTheyAre) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  ASSERT_OK(
      harness.FinishLease(QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_FAILED_INFRA))
          .status());
  for (const char* id : {"paused", "ended", "waiting"}) {
    SubmitArgs args = harness.Args(id);
    args.spec.mutable_resources()->set_device("cuda");
    ASSERT_OK(harness.Submit(args).status());
  }
  ASSERT_OK(harness.Do(&JobQueue::Pause, "paused").status());
  ASSERT_OK(harness.Cancel("ended").status());
  harness.Crash();
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_BACKOFF);
  EXPECT_EQ(harness.State("paused"), v1::JOB_STATE_PAUSED);
  EXPECT_EQ(harness.State("ended"), v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(harness.State("waiting"), v1::JOB_STATE_QUEUED);
  EXPECT_OK(harness.queue->CheckInvariants());
  harness.Advance(absl::Seconds(2));
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_QUEUED);
  // The failure still counts.
  worker.Restart();
  for (int i = 0; i < 4; ++i) {
    ASSERT_OK(worker.Sync());
    worker.Restart();
  }
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_FAILED);
}

TEST(JobQueueRestoreTest, AnOldRegistrationIsWelcomeAfterARestart) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(worker.Report());
  const std::string old = worker.registration;
  harness.Crash();
  ASSERT_OK(worker.Report());
  EXPECT_EQ(worker.registration, old);  // its place among the processes of its name
}

TEST(JobQueueRestoreTest, AListGoesOnWhereItWas) {
  QueueHarness harness;
  for (const char* id : {"a", "b", "c"}) ASSERT_OK(harness.Submit(id).status());
  ListArgs args;
  args.page_size = 1;
  ASSERT_OK_AND_ASSIGN(const JobPage page, harness.queue->List(args));
  harness.Crash();
  args.page_token = page.next_page_token;
  ASSERT_OK_AND_ASSIGN(const JobPage next, harness.queue->List(args));
  ASSERT_EQ(next.jobs.size(), 1u);
  EXPECT_EQ(next.jobs[0].name(), "projects/default/jobs/b");
  ASSERT_OK(harness.Submit("d").status());
  ASSERT_OK_AND_ASSIGN(const JobPage all, harness.queue->List({}));
  EXPECT_EQ(all.jobs[0].name(), "projects/default/jobs/d");
}

}  // namespace
}  // namespace graphkiln::coordinator
