#include "services/coordinator/core/worker_choice.h"

#include <gtest/gtest.h>

#include <memory>

namespace graphkiln::coordinator {
namespace {

std::unique_ptr<WorkerRecord> MakeWorker(const std::string& name, int32_t slots, int gpus = 0) {
  auto worker = std::make_unique<WorkerRecord>(name);
  worker->inventory.set_slots(slots);
  worker->inventory.set_cores(4);
  worker->inventory.set_memory_bytes(1000);
  for (int i = 0; i < gpus; ++i) worker->inventory.add_devices()->set_memory_bytes(500);
  return worker;
}

TEST(WorkerChoiceTest, PrefersTheLastWorkerThenTheOneWithMostFreeSlots) {
  auto a = MakeWorker("workers/a", 1);
  auto b = MakeWorker("workers/b", 3);
  auto c = MakeWorker("workers/c", 3);
  const std::vector<WorkerRecord*> workers = {c.get(), b.get(), a.get()};
  EXPECT_EQ(ChooseWorker({}, "workers/a", workers), a.get());
  EXPECT_EQ(ChooseWorker({}, "", workers), b.get());  // as many slots as c, earlier name
  b->jobs.insert("one");
  EXPECT_EQ(ChooseWorker({}, "", workers), c.get());
}

TEST(WorkerChoiceTest, I6_AFullWorkerGetsNothing) {
  auto a = MakeWorker("workers/a", 1);
  a->jobs.insert("one");
  EXPECT_EQ(ChooseWorker({}, "workers/a", {a.get()}), nullptr);
}

TEST(WorkerChoiceTest, NeedsMustBeMet) {
  const auto cpu = MakeWorker("workers/a", 1);
  const auto gpu = MakeWorker("workers/b", 1, 2);
  JobNeeds needs;
  EXPECT_EQ(MismatchOf(needs, cpu->inventory), "");
  needs.memory_bytes = 1001;
  EXPECT_EQ(MismatchOf(needs, cpu->inventory), "needs 1001 B, 1000 B there");
  needs = {};
  needs.cores = 5;
  EXPECT_EQ(MismatchOf(needs, cpu->inventory), "needs 5 cores, 4 there");
  needs = {};
  needs.device = "cuda";
  EXPECT_EQ(MismatchOf(needs, cpu->inventory), "needs 1 CUDA device(s), 0 there");
  EXPECT_EQ(MismatchOf(needs, gpu->inventory), "");
  needs.devices = 3;
  EXPECT_NE(MismatchOf(needs, gpu->inventory), "");
  needs.devices = 1;
  needs.memory_bytes = 600;  // fits the host, not a device
  EXPECT_NE(MismatchOf(needs, gpu->inventory), "");
}

}  // namespace
}  // namespace graphkiln::coordinator
