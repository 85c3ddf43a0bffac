#include "services/coordinator/store/group_writer.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <future>
#include <thread>

#include "services/coordinator/core/errors.h"
#include "services/coordinator/store/migrations.h"
#include "tests/unit/services/coordinator/store/store_fixture.h"

namespace graphkiln::coordinator {
namespace {

class GroupWriterTest : public StoreFixture {};

TEST_F(GroupWriterTest, WhatWaitsIsWrittenInOneTransactionAndCalledBackInOrder) {
  store.reset();
  ASSERT_OK_AND_ASSIGN(auto db, SqliteDb::Open(directory + "/coordinator.db", false));
  GroupWriter writer(std::move(db), {});
  // The first batch holds the writer in its callback until all the others wait.
  std::promise<void> all_wait;
  std::vector<int> order;  // written by the writer's thread only, read after Close
  CommitBatch first;
  first.done = [&](const absl::Status&) { all_wait.get_future().wait(); };
  writer.Add(std::move(first));
  for (int i = 0; i < 1000; ++i) {
    CommitBatch batch;
    batch.mutations.push_back(PutWorker{"workers/w" + std::to_string(i), true, false});
    batch.done = [&order, i](const absl::Status& status) {
      EXPECT_OK(status);
      order.push_back(i);
    };
    writer.Add(std::move(batch));
  }
  all_wait.set_value();
  writer.Close();
  EXPECT_LE(writer.transactions(), 3);
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST_F(GroupWriterTest, ManyThreadsMayCommit) {
  constexpr int kThreads = 4;
  constexpr int kEach = 200;
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        CommitBatch batch;
        batch.mutations.push_back(PutWorker{std::to_string(t * kEach + i), false, false});
        batch.done = [&](const absl::Status& status) { done += status.ok() ? 1 : 0; };
        store->Commit(std::move(batch));
        (void)store->Health();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  store->Close();
  EXPECT_EQ(done.load(), kThreads * kEach);
  Open();
  EXPECT_EQ(loaded.workers.size(), static_cast<size_t>(kThreads * kEach));
}

// A full disk, played by the limit on file sizes: writes beyond it fail as on a full disk.
class FullDisk {
 public:
  FullDisk() {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = 1;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(GroupWriterTest, WhenTheDiskIsFullRefusableBatchesFailAndTheOthersWait) {
  ASSERT_OK(AddJob(1));
  std::promise<absl::Status> kept;
  {
    FullDisk full;
    CommitBatch batch;
    batch.mutations.push_back(Row(1, v1::JOB_STATE_CANCELLED));
    batch.done = [&](absl::Status status) { kept.set_value(std::move(status)); };
    store->Commit(std::move(batch));
    const absl::Status refused =
        Commit({Row(2), PutJobSpec{Uid(2), std::make_shared<const std::string>("spec")}}, true);
    EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_STORAGE_UNAVAILABLE);
    EXPECT_FALSE(store->Health().ok());
    ASSERT_OK_AND_ASSIGN(const EventPage page, store->ReadEvents(Uid(1), 0, 1));  // reads work
  }
  EXPECT_OK(kept.get_future().get());
  EXPECT_OK(store->Health());
  Open();
  ASSERT_EQ(loaded.jobs.size(), 1u);
  EXPECT_EQ(loaded.jobs[0].job->state(), v1::JOB_STATE_CANCELLED);
}

TEST_F(GroupWriterTest, WithNothingToWriteAProbeFindsOutThatTheDiskIsBack) {
  {
    FullDisk full;
    EXPECT_FALSE(Commit({PutWorker{"w", false, false}}, true).ok());
    EXPECT_FALSE(store->Health().ok());
  }
  while (!store->Health().ok()) std::this_thread::yield();
  EXPECT_OK(Commit({PutWorker{"w", false, false}}, true));
}

TEST_F(GroupWriterTest, ClosingOnAFullDiskGivesUpWithAnError) {
  std::atomic<bool> refused{false};
  {
    FullDisk full;
    CommitBatch batch;
    batch.mutations.push_back(PutWorker{"w", false, false});
    batch.done = [&](const absl::Status& status) { refused = !status.ok(); };
    store->Commit(std::move(batch));
    store->Close();
  }
  EXPECT_TRUE(refused.load());
}

TEST_F(GroupWriterTest, MigrationsRunOnce) {
  store.reset();
  ASSERT_OK_AND_ASSIGN(auto db, SqliteDb::Open(directory + "/coordinator.db", false));
  EXPECT_OK(Migrate(*db));
  ASSERT_OK_AND_ASSIGN(SqliteStatement * version, db->Prepare("PRAGMA user_version"));
  ASSERT_OK(version->Step().status());
  EXPECT_EQ(version->Int(0), NewestSchemaVersion());
}

}  // namespace
}  // namespace graphkiln::coordinator
