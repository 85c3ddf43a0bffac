#include <gtest/gtest.h>

#include "services/coordinator/core/job_queue.h"
#include "tests/fakes/queue_harness.h"

namespace graphkiln::coordinator {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
using worker::v1::FinishLeaseRequest;
using worker::v1::LeaseOrder;

constexpr char kJob[] = "projects/default/jobs/a";

class JobQueueVerbsTest : public testing::Test {
 protected:
  // A job that runs on `worker`.
  void Run() {
    ASSERT_OK(harness.Submit("a").status());
    ASSERT_OK(worker.Sync());
    ASSERT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  }
  LeaseOrder::Action Ordered() {
    absl::StatusOr<worker::v1::ConnectResponse> wish = harness.queue->OrdersFor("w");
    if (!wish.ok() || wish->orders_size() != 1) return LeaseOrder::ACTION_UNSPECIFIED;
    return wish->orders(0).action();
  }
  absl::StatusOr<v1::JobState> Finish(FinishLeaseRequest::Outcome outcome) {
    return harness.FinishLease(
        QueueHarness::Finish(kJob, worker.held.at(kJob).lease_epoch(), outcome));
  }

  QueueHarness harness;
  FakeWorker worker{&harness, "w"};
};

TEST_F(JobQueueVerbsTest, ListIsNewestFirstByPageAndFiltered) {
  for (const char* id : {"a", "b", "c"}) ASSERT_OK(harness.Submit(id).status());
  ASSERT_OK(harness.Cancel("b").status());
  ListArgs args;
  args.page_size = 2;
  ASSERT_OK_AND_ASSIGN(JobPage page, harness.queue->List(args));
  ASSERT_THAT(page.jobs, SizeIs(2));
  EXPECT_EQ(page.jobs[0].name(), "projects/default/jobs/c");
  EXPECT_EQ(page.jobs[1].name(), "projects/default/jobs/b");
  args.page_token = page.next_page_token;
  ASSERT_OK_AND_ASSIGN(page, harness.queue->List(args));
  ASSERT_THAT(page.jobs, SizeIs(1));
  EXPECT_EQ(page.jobs[0].name(), kJob);
  EXPECT_EQ(page.next_page_token, "");

  args.states = {v1::JOB_STATE_CANCELLED};  // another question: the token is not for it
  EXPECT_EQ(ReasonOf(harness.queue->List(args).status()), v1::ERROR_REASON_TOKEN_INVALID);
  args.page_token.clear();
  ASSERT_OK_AND_ASSIGN(page, harness.queue->List(args));
  ASSERT_THAT(page.jobs, SizeIs(1));
  args.page_size = -1;
  EXPECT_THAT(harness.queue->List(args), StatusIs(absl::StatusCode::kInvalidArgument));
  args = {};
  args.project = "nobody";
  ASSERT_OK_AND_ASSIGN(page, harness.queue->List(args));
  EXPECT_THAT(page.jobs, SizeIs(0));
}

TEST_F(JobQueueVerbsTest, CancelOfAWaitingJobEndsIt) {
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK_AND_ASSIGN(const v1::Job job, harness.Cancel("a"));
  EXPECT_EQ(job.state(), v1::JOB_STATE_CANCELLED);
  EXPECT_TRUE(job.has_end_time());
  ASSERT_OK(harness.Cancel("a").status());  // again: no effect
  EXPECT_THAT(harness.History("a"), ElementsAre(v1::JOB_STATE_QUEUED, v1::JOB_STATE_CANCELLED));
  EXPECT_THAT(harness.Cancel("nothing"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(JobQueueVerbsTest, CancelOfARunningJobIsOrderedAndConfirmed) {
  Run();
  bool pushed = false;
  harness.queue->AddOrdersListener("w", [&] { pushed = true; });
  ASSERT_OK_AND_ASSIGN(const v1::Job job, harness.Cancel("a", absl::Seconds(3)));
  EXPECT_EQ(job.state(), v1::JOB_STATE_CANCELLING);
  EXPECT_TRUE(pushed);
  EXPECT_EQ(Ordered(), LeaseOrder::ACTION_STOP);
  ASSERT_OK_AND_ASSIGN(const v1::JobState state, Finish(FinishLeaseRequest::OUTCOME_CANCELLED));
  EXPECT_EQ(state, v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(Ordered(), LeaseOrder::ACTION_UNSPECIFIED);
}

TEST_F(JobQueueVerbsTest, AnOrderLeavesOnlyWhenTheCancelIsDurable) {
  Run();
  harness.queue->Cancel("a", absl::ZeroDuration(), [](const auto&) {});
  EXPECT_EQ(Ordered(), LeaseOrder::ACTION_RUN);
  harness.store.Flush();
  EXPECT_EQ(Ordered(), LeaseOrder::ACTION_STOP);
}

TEST_F(JobQueueVerbsTest, I4_SuccessAfterACancelThatWasDurableFirstStaysCancelled) {
  Run();
  ASSERT_OK(harness.Cancel("a").status());
  ASSERT_OK_AND_ASSIGN(const v1::JobState state, Finish(FinishLeaseRequest::OUTCOME_SUCCEEDED));
  EXPECT_EQ(state, v1::JOB_STATE_CANCELLED);
}

TEST_F(JobQueueVerbsTest, CancelOfASucceededJobIsRefused) {
  Run();
  ASSERT_OK(Finish(FinishLeaseRequest::OUTCOME_SUCCEEDED).status());
  const absl::Status refused = harness.Cancel("a").status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_WRONG_STATE);
  EXPECT_EQ(MetadataOf(refused).at("state"), "SUCCEEDED");
}

TEST_F(JobQueueVerbsTest, CancelOfAnOfferedJobTakesTheOfferBack) {
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Report());
  ASSERT_EQ(harness.State("a"), v1::JOB_STATE_OFFERED);
  ASSERT_OK_AND_ASSIGN(const v1::Job job, harness.Cancel("a"));
  EXPECT_EQ(job.state(), v1::JOB_STATE_CANCELLED);
  // The worker had taken it in the same moment: it is told nothing about it, and so stops it.
  worker.held[kJob].set_job(kJob);
  worker.held[kJob].set_lease_epoch(1);
  ASSERT_OK(worker.Report());
  EXPECT_EQ(worker.wish.orders_size(), 0);
}

TEST_F(JobQueueVerbsTest, PauseGivesTheSlotBackAndResumeGoesOn) {
  Run();
  ASSERT_OK_AND_ASSIGN(v1::Job job, harness.Do(&JobQueue::Pause, "a"));
  EXPECT_EQ(job.state(), v1::JOB_STATE_PREEMPTING);
  EXPECT_EQ(Ordered(), LeaseOrder::ACTION_CHECKPOINT_AND_STOP);
  ASSERT_OK(harness.Checkpoint(kJob, 1, 40, FakeDigest('c')).status());
  ASSERT_OK_AND_ASSIGN(const v1::JobState state, Finish(FinishLeaseRequest::OUTCOME_RELEASED));
  EXPECT_EQ(state, v1::JOB_STATE_PAUSED);
  worker.held.clear();
  ASSERT_OK(worker.Sync());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_PAUSED);
  ASSERT_OK(harness.Do(&JobQueue::Pause, "a").status());  // again: no effect
  ASSERT_OK_AND_ASSIGN(job, harness.Do(&JobQueue::Resume, "a"));
  EXPECT_EQ(job.intent(), v1::JOB_INTENT_UNSPECIFIED);
  ASSERT_OK(worker.Report());
  ASSERT_NE(worker.OrderOf(kJob), nullptr);
  EXPECT_EQ(worker.OrderOf(kJob)->lease_epoch(), 2);
  EXPECT_EQ(worker.OrderOf(kJob)->spec().resume_from().step(), 40);
  EXPECT_EQ(worker.OrderOf(kJob)->spec().attempt(), 2);
}

TEST_F(JobQueueVerbsTest, PauseOfWaitingAndOfferedJobs) {
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Report());
  ASSERT_OK_AND_ASSIGN(v1::Job job, harness.Do(&JobQueue::Pause, "a"));
  EXPECT_EQ(job.state(), v1::JOB_STATE_PAUSED);
  EXPECT_THAT(harness.History("a"), ElementsAre(v1::JOB_STATE_QUEUED, v1::JOB_STATE_OFFERED,
                                                v1::JOB_STATE_QUEUED, v1::JOB_STATE_PAUSED));
  ASSERT_OK(harness.Do(&JobQueue::Resume, "a").status());
  ASSERT_OK(harness.Do(&JobQueue::Pause, "a").status());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_PAUSED);
  ASSERT_OK(harness.Cancel("a").status());
  EXPECT_EQ(ReasonOf(harness.Do(&JobQueue::Pause, "a").status()), v1::ERROR_REASON_WRONG_STATE);
  EXPECT_EQ(ReasonOf(harness.Do(&JobQueue::Resume, "a").status()), v1::ERROR_REASON_WRONG_STATE);
  EXPECT_EQ(ReasonOf(harness.Do(&JobQueue::Stop, "a").status()), v1::ERROR_REASON_WRONG_STATE);
}

TEST_F(JobQueueVerbsTest, ThePauseIntentSurvivesALostLeaseAndARestart) {
  Run();
  ASSERT_OK(harness.Do(&JobQueue::Pause, "a").status());
  harness.Crash();
  worker.Restart();  // the worker is new, too: it holds nothing
  ASSERT_OK(worker.Sync());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_PAUSED);
}

TEST_F(JobQueueVerbsTest, ResumeWhileTheLeaseIsGivenBackLetsTheJobGoOn) {
  Run();
  ASSERT_OK(harness.Do(&JobQueue::Pause, "a").status());
  ASSERT_OK(harness.Do(&JobQueue::Resume, "a").status());
  ASSERT_OK_AND_ASSIGN(const v1::JobState state, Finish(FinishLeaseRequest::OUTCOME_RELEASED));
  EXPECT_EQ(state, v1::JOB_STATE_QUEUED);
}

TEST_F(JobQueueVerbsTest, StopEndsTheJobEarlyWithAResult) {
  Run();
  ASSERT_OK(harness.Do(&JobQueue::Stop, "a").status());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Ordered(), LeaseOrder::ACTION_FINISH_EARLY);
  FinishLeaseRequest finish = QueueHarness::Finish(kJob, 1, FinishLeaseRequest::OUTCOME_SUCCEEDED);
  finish.set_stopped_early(true);
  (*finish.mutable_artifacts())["weights.safetensors"] = FakeDigest('b');
  ASSERT_OK(harness.FinishLease(finish).status());
  const v1::Job job = harness.Get("a");
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_TRUE(job.stopped_early());
  EXPECT_EQ(job.artifacts().at("weights.safetensors"), FakeDigest('b'));
  ASSERT_OK(harness.Do(&JobQueue::Stop, "a").status());  // again: no effect
}

TEST_F(JobQueueVerbsTest, AStoppedJobWhoseLeaseIsLostFinishesEarlyOnTheNext) {
  Run();
  ASSERT_OK(harness.Do(&JobQueue::Stop, "a").status());
  worker.Restart();
  ASSERT_OK(worker.Report());
  ASSERT_OK(worker.Report());
  ASSERT_NE(worker.OrderOf(kJob), nullptr);
  EXPECT_EQ(worker.OrderOf(kJob)->action(), LeaseOrder::ACTION_FINISH_EARLY);
  EXPECT_TRUE(worker.OrderOf(kJob)->has_spec());
}

TEST_F(JobQueueVerbsTest, VerbsAreRefusedWhileTheStorageIsAway) {
  Run();
  harness.store.Refuse(true);
  EXPECT_EQ(ReasonOf(harness.Cancel("a").status()), v1::ERROR_REASON_STORAGE_UNAVAILABLE);
  harness.store.Refuse(false);
  EXPECT_OK(harness.Cancel("a").status());
}

}  // namespace
}  // namespace graphkiln::coordinator
