#include <gtest/gtest.h>

#include "services/coordinator/core/job_queue.h"
#include "tests/fakes/queue_harness.h"

namespace graphkiln::coordinator {
namespace {

constexpr char kJob[] = "projects/default/jobs/a";

class JobQueueOperatorsTest : public testing::Test {
 protected:
  QueueHarness harness;
  FakeWorker worker{&harness, "w"};
};

TEST_F(JobQueueOperatorsTest, CordonKeepsNewJobsAwayAlsoAfterARestart) {
  ASSERT_OK(worker.Report());
  harness.queue->Cordon("w", [](const auto& shown) { EXPECT_TRUE(shown->cordoned()); });
  harness.store.Flush();
  harness.Crash();
  ASSERT_OK(worker.Report());
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_QUEUED);
  harness.queue->Uncordon("w", [](const auto&) {});
  harness.store.Flush();
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_OFFERED);
  absl::Status unknown;
  harness.queue->Cordon("nobody", [&](const auto& shown) { unknown = shown.status(); });
  EXPECT_THAT(unknown, StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(JobQueueOperatorsTest, DrainMovesJobsThroughCheckpoints) {
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(worker.Sync());
  harness.queue->Drain("w", [](const auto&) {});
  harness.store.Flush();
  EXPECT_EQ(harness.State("a"), v1::JOB_STATE_PREEMPTING);
  EXPECT_EQ(harness.queue->GetWorker("w")->state(), v1::WORKER_STATE_DRAINING);
  FakeWorker other(&harness, "other");
  ASSERT_OK(other.Report());
  ASSERT_OK(harness
                .FinishLease(
                    QueueHarness::Finish(kJob, 1, worker::v1::FinishLeaseRequest::OUTCOME_RELEASED))
                .status());
  ASSERT_OK(other.Sync());
  EXPECT_EQ(harness.Get("a").worker(), "workers/other");
}

}  // namespace
}  // namespace graphkiln::coordinator
