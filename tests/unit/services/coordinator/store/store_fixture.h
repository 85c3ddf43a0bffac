// A SQLite store in a fresh directory, and the mutations that tests write into it.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/base/file.h"
#include "common/base/status_matchers.h"
#include "services/coordinator/store/sqlite_store.h"

namespace graphkiln::coordinator {

class StoreFixture : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(directory, MakeTempDir("kiln-store-"));
    Open();
  }
  void TearDown() override {
    store.reset();
    EXPECT_OK(RemoveTree(directory));
  }
  void Open() {
    store.reset();
    SqliteOptions options;
    options.directory = directory;
    options.first_retry = absl::Milliseconds(1);
    options.last_retry = absl::Milliseconds(5);
    ASSERT_OK_AND_ASSIGN(store, OpenSqliteStore(options));
    ASSERT_OK_AND_ASSIGN(loaded, store->Load(1024));
  }
  /// Commits and waits for the callback.
  absl::Status Commit(std::vector<Mutation> mutations, bool refusable = false) {
    std::mutex mu;
    std::condition_variable done;
    bool finished = false;
    absl::Status result;
    CommitBatch batch;
    batch.mutations = std::move(mutations);
    batch.refusable = refusable;
    batch.done = [&](absl::Status status) {
      std::lock_guard<std::mutex> lock(mu);
      result = std::move(status);
      finished = true;
      done.notify_one();
    };
    store->Commit(std::move(batch));
    std::unique_lock<std::mutex> lock(mu);
    done.wait(lock, [&] { return finished; });
    return result;
  }

  static std::string Uid(int index) {
    return std::string(31, 'u') + static_cast<char>('0' + index);
  }
  static std::shared_ptr<v1::Job> Job(int index, v1::JobState state = v1::JOB_STATE_QUEUED,
                                      int64_t epoch = 0) {
    auto job = std::make_shared<v1::Job>();
    job->set_uid(Uid(index));
    job->set_name("projects/default/jobs/j" + std::to_string(index));
    job->set_owner("tester");
    job->set_state(state);
    job->set_lease_epoch(epoch);
    (*job->mutable_labels())["team"] = "demo \"quoted\"";
    return job;
  }
  static PutJob Row(int index, v1::JobState state = v1::JOB_STATE_QUEUED, int64_t epoch = 0) {
    PutJob put{Job(index, state, epoch), {}};
    put.internals.create_index = index;
    put.internals.program = "program";
    put.internals.queue_time = absl::FromUnixSeconds(1'700'000'000);
    return put;
  }
  absl::Status AddJob(int index) {
    return Commit(
        {Row(index), PutJobSpec{Uid(index), std::make_shared<const std::string>("spec")}});
  }
  static PutLease Lease(int job, int64_t epoch, StoredLeaseState state) {
    PutLease put;
    put.job_uid = Uid(job);
    put.epoch = epoch;
    put.worker = "workers/w";
    put.incarnation = "i";
    put.state = state;
    put.time = absl::FromUnixSeconds(1'700'000'000);
    return put;
  }
  static AppendEvents Steps(int job, int64_t first, int64_t last, int64_t fence = 0) {
    AppendEvents append;
    append.job_uid = Uid(job);
    append.fence_epoch = fence;
    append.last_worker_seq = static_cast<uint64_t>(last);
    for (int64_t seq = first; seq <= last; ++seq) {
      auto event = std::make_shared<v1::Event>();
      event->set_seq(seq);
      event->mutable_step()->set_step(seq);
      append.events.push_back(std::move(event));
    }
    return append;
  }

  std::string directory;
  std::unique_ptr<Store> store;
  LoadedState loaded;
};

}  // namespace graphkiln::coordinator
