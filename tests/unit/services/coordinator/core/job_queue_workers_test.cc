#include <gtest/gtest.h>

#include "services/coordinator/core/job_queue.h"
#include "tests/fakes/queue_harness.h"

namespace graphkiln::coordinator {
namespace {

using testing::StartsWith;
using worker::v1::LeaseOrder;
using worker::v1::WorkerStatus;

constexpr char kJob[] = "projects/default/jobs/a";

class JobQueueWorkersTest : public testing::Test {
 protected:
  void Run() {
    ASSERT_OK(harness.Submit("a").status());
    ASSERT_OK(worker.Sync());
    ASSERT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  }
  v1::WorkerState WorkerState() {
    absl::StatusOr<v1::Worker> shown = harness.queue->GetWorker("w");
    return shown.ok() ? shown->state() : v1::WORKER_STATE_UNSPECIFIED;
  }

  QueueHarness harness;
  FakeWorker worker{&harness, "w"};
};

TEST_F(JobQueueWorkersTest, TheAnswerTellsTimersAndIsAuthoritative) {
  ASSERT_OK(worker.Report());
  EXPECT_EQ(worker.wish.report_interval().seconds(), 5);
  EXPECT_EQ(worker.wish.lease_ttl().seconds(), 30);
  EXPECT_EQ(worker.wish.in_reply_to(), 1u);
  EXPECT_EQ(worker.wish.coordinator_generation(), 1u);
  EXPECT_TRUE(worker.wish.authoritative());
  EXPECT_FALSE(worker.wish.registration().empty());
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_ACTIVE);
}

TEST_F(JobQueueWorkersTest, I7_AnOldIncarnationIsRefused) {
  ASSERT_OK(worker.Report());
  FakeWorker old = worker;
  worker.Restart();
  ASSERT_OK(worker.Report());
  const absl::Status refused = old.Report();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_SUPERSEDED);
  old.registration.clear();  // also when it registers anew
  EXPECT_EQ(ReasonOf(old.Report()), v1::ERROR_REASON_SUPERSEDED);
  ASSERT_OK(worker.Report());
}

TEST_F(JobQueueWorkersTest, I9_AReportSentTwiceOrLateChangesNothing) {
  Run();
  const worker::v1::ConnectRequest full = worker.Request();
  worker::v1::ConnectRequest stale = full;
  stale.set_report_seq(1);
  stale.clear_held();
  ASSERT_OK(harness.queue->Report(full).status());
  ASSERT_OK(harness.queue->Report(full).status());
  ASSERT_OK(harness.queue->Report(stale).status());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(harness.Get("a").attempts(), 1);
}

TEST_F(JobQueueWorkersTest, ASilentWorkerIsSuspectThenLostAndItsJobGoesElsewhere) {
  Run();
  FakeWorker other(&harness, "other");
  harness.Advance(absl::Seconds(12));
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_SUSPECT);
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  ASSERT_OK(other.Report());
  harness.Advance(absl::Seconds(18));
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_LOST);
  ASSERT_OK(other.Sync());
  v1::Job job = harness.Get("a");
  EXPECT_EQ(job.state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(job.worker(), "workers/other");
  EXPECT_THAT(job.history(0).outcome(), StartsWith("WORKER_LOST"));
  // The frozen worker thaws: its writes are fenced and it is told nothing about the job.
  ASSERT_OK_AND_ASSIGN(const PublishResult result, harness.Publish(worker.Steps(kJob, 1, 1, 1)));
  EXPECT_TRUE(result.fenced);
  ASSERT_OK(worker.Report());
  EXPECT_EQ(worker.wish.orders_size(), 0);
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_ACTIVE);
  EXPECT_OK(harness.queue->CheckInvariants());
}

TEST_F(JobQueueWorkersTest, ABrokenStreamMakesItSuspectAtOnceAndABlipCostsNothing) {
  Run();
  harness.queue->StreamClosed("w", "another incarnation");
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_ACTIVE);
  harness.queue->StreamClosed("w", worker.incarnation);
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_SUSPECT);
  ASSERT_OK(worker.Report());
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_ACTIVE);
  EXPECT_EQ(harness.Get("a").attempts(), 1);
}

TEST_F(JobQueueWorkersTest, TheFirstReportOfANewIncarnationReQueuesAtOnce) {
  Run();
  worker.Restart();
  ASSERT_OK(worker.Sync());
  const v1::Job job = harness.Get("a");
  EXPECT_EQ(job.state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(job.lease_epoch(), 2);
  EXPECT_THAT(job.history(0).outcome(), StartsWith("WORKER_RESTARTED"));
}

TEST_F(JobQueueWorkersTest, AJobThatKillsItsWorkersFails) {
  ASSERT_OK(harness.Submit("a").status());
  for (int i = 0; i < 4; ++i) {
    ASSERT_OK(worker.Sync());
    worker.Restart();
  }
  ASSERT_OK(worker.Sync());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_FAILED);
  EXPECT_THAT(harness.Get("a").reason(), testing::HasSubstr("4 leases lost"));
}

TEST_F(JobQueueWorkersTest, ALeaseThatAReportNoLongerShowsIsLost) {
  Run();
  worker.held.clear();
  ASSERT_OK(worker.Report());
  EXPECT_THAT(harness.Get("a").history(0).outcome(), StartsWith("LEASE_LOST"));
  EXPECT_EQ(harness.Get("a").lease_epoch(), 2);
}

TEST_F(JobQueueWorkersTest, AReportComposedBeforeTheOfferDoesNotLoseALeaseThatEventsHaveTaken) {
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Report());
  const worker::v1::ConnectRequest before = worker.Request();
  worker.held[kJob].set_job(kJob);
  worker.held[kJob].set_lease_epoch(1);
  ASSERT_OK(harness.Publish(worker.Steps(kJob, 1, 1, 1)).status());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  ASSERT_OK(harness.queue->Report(before).status());
  EXPECT_EQ(harness.Get("a").lease_epoch(), 1);
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
}

TEST_F(JobQueueWorkersTest, TheSpecComesUntilTheLeaseIsReported) {
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Report());
  ASSERT_OK(worker.Report());
  ASSERT_NE(worker.OrderOf(kJob), nullptr);
  EXPECT_TRUE(worker.OrderOf(kJob)->has_spec());
  worker.TakeOrders();
  ASSERT_OK(worker.Report());
  EXPECT_FALSE(worker.OrderOf(kJob)->has_spec());
}

TEST_F(JobQueueWorkersTest, I8_WithoutStorageNothingIsStopped) {
  Run();
  ASSERT_OK(harness.Cancel("a").status());
  harness.store.Refuse(true);
  ASSERT_OK(worker.Report());
  EXPECT_FALSE(worker.wish.authoritative());
  ASSERT_NE(worker.OrderOf(kJob), nullptr);
  EXPECT_EQ(worker.OrderOf(kJob)->action(), LeaseOrder::ACTION_RUN);
  harness.store.Refuse(false);
  ASSERT_OK(worker.Report());
  EXPECT_EQ(worker.OrderOf(kJob)->action(), LeaseOrder::ACTION_STOP);
}

TEST_F(JobQueueWorkersTest, ADrainingDaemonKeepsItsJobsUntilTheDeadline) {
  Run();
  worker.status = WorkerStatus::STATE_DRAINING;
  ASSERT_OK(worker.Report());
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_DRAINING);
  ASSERT_OK(harness.Submit("b").status());
  for (int i = 0; i < 5; ++i) {
    harness.Advance(absl::Seconds(5));
    ASSERT_OK(worker.Report());
  }
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  harness.Advance(absl::Seconds(5));
  ASSERT_OK(worker.Report());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_PREEMPTING);
  EXPECT_EQ(worker.OrderOf(kJob)->action(), LeaseOrder::ACTION_CHECKPOINT_AND_STOP);
  EXPECT_EQ(harness.State("b"), v1::JOB_STATE_QUEUED);
}

TEST_F(JobQueueWorkersTest, AnUnhealthyWorkerGetsNothing) {
  worker.status = WorkerStatus::STATE_UNHEALTHY;
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_QUEUED);
  worker.status = WorkerStatus::STATE_ACTIVE;
  ASSERT_OK(worker.Sync());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
}

TEST_F(JobQueueWorkersTest, BadReportsAreRefused) {
  worker::v1::ConnectRequest request = worker.Request();
  request.set_worker("../w");
  EXPECT_THAT(harness.queue->Report(request), StatusIs(absl::StatusCode::kInvalidArgument));
  request = worker.Request();
  request.clear_incarnation();
  EXPECT_THAT(harness.queue->Report(request), StatusIs(absl::StatusCode::kInvalidArgument));
  request = worker.Request();
  request.mutable_inventory()->set_slots(-1);
  EXPECT_THAT(harness.queue->Report(request), StatusIs(absl::StatusCode::kInvalidArgument));
  request = worker.Request();
  for (int i = 0; i < 2000; ++i) request.add_held();
  EXPECT_THAT(harness.queue->Report(request), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(JobQueueWorkersTest, ALostWorkerIsForgottenLater) {
  ASSERT_OK(worker.Report());
  harness.Advance(absl::Seconds(12));
  harness.Advance(absl::Seconds(18));
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_LOST);
  harness.Advance(absl::Hours(1));
  EXPECT_THAT(harness.queue->GetWorker("w"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(harness.queue->ListWorkers("", 10).empty());
}

TEST_F(JobQueueWorkersTest, AStalledCoordinatorBlamesNobody) {
  Run();
  harness.Advance(absl::Seconds(4));
  harness.clock.Advance(absl::Minutes(10));  // SIGSTOP, a paused machine
  harness.queue->Tick();                     // before the reports that wait are read
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_ACTIVE);
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  // Whoever was gone all the time is found out as late as without the stall.
  harness.Advance(absl::Seconds(25));
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_SUSPECT);
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  harness.Advance(absl::Seconds(2));
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_LOST);
  EXPECT_OK(harness.queue->CheckInvariants());
}

TEST_F(JobQueueWorkersTest, I7_HoldsAcrossARestartOfTheCoordinator) {
  ASSERT_OK(worker.Report());
  FakeWorker old = worker;  // frozen
  worker.Restart();
  ASSERT_OK(worker.Report());
  Run();
  harness.Crash();
  EXPECT_EQ(ReasonOf(old.Report()), v1::ERROR_REASON_SUPERSEDED);  // it comes first
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_RUNNING);
  ASSERT_OK(worker.Report());
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_ACTIVE);
  EXPECT_EQ(harness.Get("a").attempts(), 1);
  // Also without a lease that tells: the later one wins, whoever comes first.
  ASSERT_OK(harness.Cancel("a", absl::ZeroDuration()).status());
  ASSERT_OK(harness
                .FinishLease(QueueHarness::Finish(
                    kJob, 1, worker::v1::FinishLeaseRequest::OUTCOME_CANCELLED))
                .status());
  worker.held.clear();
  harness.Crash();
  ASSERT_OK(old.Report());
  ASSERT_OK(worker.Report());
  EXPECT_EQ(ReasonOf(old.Report()), v1::ERROR_REASON_SUPERSEDED);
  ASSERT_OK(worker.Report());
  // A new process is still welcome.
  worker.Restart();
  ASSERT_OK(worker.Report());
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_ACTIVE);
}

TEST_F(JobQueueWorkersTest, I7_ANewProcessIsNotTakenForOldWhenItsFirstReportWasNotDurable) {
  Run();
  worker.Restart();
  ASSERT_OK_AND_ASSIGN(const auto wish, harness.queue->Report(worker.Request()));
  worker.registration = wish.registration();
  harness.Crash();  // the stored lease is still that of the old process
  ASSERT_OK(worker.Report());
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_ACTIVE);
}

TEST_F(JobQueueWorkersTest, AStopThatWasMaskedIsNotDisobeyed) {
  Run();
  ASSERT_OK(harness.Cancel("a", absl::Seconds(10)).status());
  harness.store.Refuse(true);
  for (int i = 0; i < 30; ++i) {  // it is told to run
    harness.Pass(absl::Seconds(4));
    ASSERT_OK(worker.Report());
  }
  harness.store.Refuse(false);
  harness.Advance(absl::Seconds(4));
  ASSERT_OK(worker.Report());  // now it is told
  EXPECT_EQ(worker.OrderOf(kJob)->action(), LeaseOrder::ACTION_STOP);
  for (int i = 0; i < 10; ++i) {
    harness.Advance(absl::Seconds(4));
    ASSERT_OK(worker.Report());
  }
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_ACTIVE);
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_CANCELLING);
}

TEST_F(JobQueueWorkersTest, AStopThatWasNeverDurableIsNotDisobeyed) {
  Run();
  harness.queue->Cancel("a", absl::Seconds(10), [](const auto&) {});
  for (int i = 0; i < 30; ++i) {  // the writer is busy for two minutes
    harness.Pass(absl::Seconds(4));
    ASSERT_OK(harness.queue->Report(worker.Request()).status());
  }
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_ACTIVE);
  harness.store.Flush();
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_CANCELLING);
}

TEST_F(JobQueueWorkersTest, AWorkerThatReportsTheEndHasObeyed) {
  Run();
  ASSERT_OK(harness.Cancel("a", absl::Seconds(10)).status());
  worker.held[kJob].set_phase(worker::v1::HeldLease::PHASE_FINISHED);  // it uploads its results
  for (int i = 0; i < 30; ++i) {
    harness.Advance(absl::Seconds(4));
    ASSERT_OK(worker.Report());
  }
  EXPECT_EQ(WorkerState(), v1::WORKER_STATE_ACTIVE);
  ASSERT_OK(harness
                .FinishLease(QueueHarness::Finish(
                    kJob, 1, worker::v1::FinishLeaseRequest::OUTCOME_CANCELLED))
                .status());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_CANCELLED);
}

}  // namespace
}  // namespace graphkiln::coordinator
