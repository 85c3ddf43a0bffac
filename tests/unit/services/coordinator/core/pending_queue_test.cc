#include "services/coordinator/core/pending_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "services/coordinator/core/job_order.h"

namespace graphkiln::coordinator {
namespace {

std::unique_ptr<JobRecord> MakeJob(const std::string& name, int64_t index, int32_t priority = 0,
                                   const std::string& device = "") {
  v1::JobSpec spec;
  spec.set_priority(priority);
  spec.mutable_resources()->set_device(device);
  auto job = std::make_shared<v1::Job>();
  job->set_name(name);
  job->set_uid(name);
  JobInternals internals;
  internals.create_index = index;
  return std::make_unique<JobRecord>("default", job, std::make_shared<const std::string>(), spec,
                                     internals);
}

std::vector<std::string> Order(PendingQueue& queue, const std::string& without_device = "none") {
  std::vector<std::string> order;
  queue.Visit(
      [&](JobRecord& job) {
        if (job.needs().device == without_device) return false;
        order.push_back(job.name());
        queue.Remove(job);
        return true;
      },
      [] { return false; });
  return order;
}

TEST(PendingQueueTest, PriorityThenFirstComeFirstServed) {
  const absl::Duration point = absl::Seconds(6);
  PendingQueue queue;
  auto a = MakeJob("a", 1);
  auto b = MakeJob("b", 2);
  auto urgent = MakeJob("urgent", 3, 10);
  queue.Add(*b, JobOrderKey(absl::Seconds(1), 0, point));
  queue.Add(*a, JobOrderKey(absl::Seconds(0), 0, point));
  queue.Add(*urgent, JobOrderKey(absl::Seconds(2), 10, point));
  EXPECT_EQ(Order(queue), (std::vector<std::string>{"urgent", "a", "b"}));
  EXPECT_EQ(queue.size(), 0u);
}

TEST(PendingQueueTest, WaitingRaisesThePriority) {
  const absl::Duration point = absl::Seconds(6);
  // Ten points are worth a minute of waiting.
  EXPECT_LT(JobOrderKey(absl::Seconds(0), 0, point), JobOrderKey(absl::Seconds(61), 10, point));
  EXPECT_GT(JobOrderKey(absl::Seconds(0), 0, point), JobOrderKey(absl::Seconds(59), 10, point));
}

TEST(PendingQueueTest, ALineThatCannotBePlacedDoesNotBlockTheOthers) {
  PendingQueue queue;
  auto gpu = MakeJob("gpu", 1, 0, "cuda");
  auto cpu = MakeJob("cpu", 2, 0, "cpu");
  queue.Add(*gpu, 0);
  queue.Add(*cpu, 1);
  EXPECT_EQ(Order(queue, "cuda"), (std::vector<std::string>{"cpu"}));
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_TRUE(gpu->in_queue);
  queue.Remove(*cpu);  // no effect: it is not there
  EXPECT_EQ(queue.size(), 1u);
}

}  // namespace
}  // namespace graphkiln::coordinator
