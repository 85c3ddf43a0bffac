// The writer thread: takes queued batches in order, writes as many as wait in one transaction
// (group commit: one fsync), then calls their callbacks.
//
// When the storage refuses (full, read-only), refusable batches are given up with the error, the
// others stay at the head of the queue and are tried again; with an empty queue a small probe write
// finds out when writes work again. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/coordinator/core/journal.h"
#include "services/coordinator/core/mutex.h"
#include "services/coordinator/store/mutation_writer.h"
#include "services/coordinator/store/sqlite_db.h"

namespace graphkiln::coordinator {

class GroupWriter {
 public:
  struct Options {
    size_t max_group = 4'096;
    absl::Duration first_retry = absl::Milliseconds(100);
    absl::Duration last_retry = absl::Seconds(2);
  };

  /// Starts the thread, which owns `db` from now on.
  GroupWriter(std::unique_ptr<SqliteDb> db, Options options);
  ~GroupWriter();

  void Add(CommitBatch batch);
  absl::Status Health() const;
  /// Writes what waits (gives it up if the storage refuses) and joins the thread. Idempotent.
  void Close();
  /// Transactions committed so far; for tests of group commit.
  int64_t transactions() const { return transactions_.load(); }

 private:
  void Run();
  /// Waits for work or the next retry; takes a group off the queue. False: stop.
  bool TakeGroup(std::vector<CommitBatch>& group);
  /// Writes the group in one transaction. Not OK: nothing was written. `refused[i]`: batch i alone
  /// was.
  absl::Status Write(const std::vector<CommitBatch>& group, std::vector<absl::Status>& refused);
  absl::Status WriteBatch(const CommitBatch& batch, absl::Status& refused);
  absl::Status Probe();
  void SetHealth(const absl::Status& health);

  const std::unique_ptr<SqliteDb> db_;
  const Options options_;
  MutationWriter writer_;

  mutable Mutex mu_;
  std::condition_variable_any wake_;
  std::deque<CommitBatch> queue_ ABSL_GUARDED_BY(mu_);
  std::string failure_ ABSL_GUARDED_BY(mu_);  // why writes fail; empty while they work
  absl::Duration retry_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();  // zero: healthy
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::atomic<bool> healthy_{true};
  std::atomic<int64_t> transactions_{0};
  std::thread thread_;
};

}  // namespace graphkiln::coordinator
