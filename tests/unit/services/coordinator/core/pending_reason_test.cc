#include "services/coordinator/core/pending_reason.h"

#include <gtest/gtest.h>

#include "tests/fakes/queue_harness.h"

namespace graphkiln::coordinator {
namespace {

using testing::StartsWith;

TEST(PendingReasonTest, SaysWhyAJobWaits) {
  QueueHarness harness;
  ASSERT_OK(harness.Submit("first").status());
  EXPECT_THAT(harness.Get("first").pending_reason(), StartsWith("NO_WORKERS"));
  SubmitArgs gpu = harness.Args("gpu");
  gpu.spec.mutable_resources()->set_device("cuda");
  ASSERT_OK(harness.Submit(gpu).status());
  FakeWorker worker(&harness, "w");
  ASSERT_OK(worker.Sync());
  EXPECT_EQ(harness.Get("first").pending_reason(), "");
  EXPECT_THAT(harness.Get("gpu").pending_reason(),
              StartsWith("NO_MATCHING_WORKER: workers/w needs 1 CUDA device(s)"));
  ASSERT_OK(harness.Submit("second").status());
  EXPECT_THAT(harness.Get("second").pending_reason(), StartsWith("NO_FREE_SLOT: 1 matching"));
  harness.queue->Cordon("w", [](const auto&) {});
  EXPECT_THAT(harness.Get("second").pending_reason(),
              StartsWith("WORKERS_UNAVAILABLE: 1 matching"));
}

}  // namespace
}  // namespace graphkiln::coordinator
