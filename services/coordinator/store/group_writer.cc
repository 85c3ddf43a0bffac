#include "services/coordinator/store/group_writer.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {

GroupWriter::GroupWriter(std::unique_ptr<SqliteDb> db, Options options)
    : db_(std::move(db)), options_(options), writer_(db_.get()), thread_([this] { Run(); }) {}

GroupWriter::~GroupWriter() { Close(); }

void GroupWriter::Add(CommitBatch batch) {
  MutexLock lock(&mu_);
  if (stop_ && std::this_thread::get_id() != thread_.get_id()) return;
  queue_.push_back(std::move(batch));
  wake_.notify_one();
}

absl::Status GroupWriter::Health() const {
  if (healthy_.load(std::memory_order_acquire)) return absl::OkStatus();
  MutexLock lock(&mu_);
  // A status of its own: no two threads share one's reference count.
  return failure_.empty() ? absl::OkStatus() : absl::UnavailableError(failure_);
}

void GroupWriter::Close() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void GroupWriter::SetHealth(const absl::Status& health) {
  MutexLock lock(&mu_);
  if (health.ok()) {
    if (!failure_.empty()) KILN_INFO("the storage takes writes again");
    failure_.clear();
    retry_ = absl::ZeroDuration();
  } else {
    if (failure_.empty()) KILN_ERROR("the storage refuses writes: {}", MessageOf(health));
    retry_ = retry_ == absl::ZeroDuration() ? options_.first_retry
                                            : std::min(retry_ * 2, options_.last_retry);
    failure_ = std::string(MessageOf(health));
  }
  healthy_.store(health.ok(), std::memory_order_release);
}

bool GroupWriter::TakeGroup(std::vector<CommitBatch>& group) {
  MutexLock lock(&mu_);
  if (retry_ > absl::ZeroDuration() && !stop_) {
    wake_.wait_for(mu_, absl::ToChronoMilliseconds(retry_), [this] { return stop_; });
  } else {
    while (queue_.empty() && !stop_) wake_.wait(mu_);
  }
  if (queue_.empty() && stop_) return false;
  size_t mutations = 0;
  while (!queue_.empty() && mutations < options_.max_group) {
    mutations += queue_.front().mutations.size();
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return true;
}

void GroupWriter::Run() {
  while (true) {
    std::vector<CommitBatch> group;
    if (!TakeGroup(group)) return;
    if (group.empty()) {  // refused a while ago and nothing waits
      SetHealth(Probe());
      continue;
    }
    std::vector<absl::Status> refused(group.size());
    const absl::Status written = Write(group, refused);
    if (written.ok()) {
      transactions_.fetch_add(1);
      SetHealth(written);
      for (size_t i = 0; i < group.size(); ++i) group[i].done(std::move(refused[i]));
      continue;
    }
    writer_.ForgetCache();
    SetHealth(written);
    std::vector<CommitBatch> given_up;
    {
      MutexLock lock(&mu_);
      // Kept batches go back to the head, in their order; when stopping nobody is left to wait for.
      for (auto it = group.rbegin(); it != group.rend(); ++it) {
        if (it->refusable || stop_) {
          given_up.push_back(std::move(*it));
        } else {
          queue_.push_front(std::move(*it));
        }
      }
    }
    std::reverse(given_up.begin(), given_up.end());
    for (const CommitBatch& batch : given_up) batch.done(StorageError(MessageOf(written)));
  }
}

absl::Status GroupWriter::Write(const std::vector<CommitBatch>& group,
                                std::vector<absl::Status>& refused) {
  SqliteTransaction transaction(db_.get());
  RETURN_IF_ERROR(transaction.Begin());
  for (size_t i = 0; i < group.size(); ++i) RETURN_IF_ERROR(WriteBatch(group[i], refused[i]));
  return transaction.Commit();
}

absl::Status GroupWriter::WriteBatch(const CommitBatch& batch, absl::Status& refused) {
  if (batch.mutations.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(db_->Exec("SAVEPOINT batch"));
  absl::Status status;
  for (const Mutation& mutation : batch.mutations) {
    status = writer_.Apply(mutation);
    if (!status.ok()) break;
  }
  if (status.ok()) return db_->Exec("RELEASE batch");
  if (IsStorageFailure(status)) return status;
  refused = status;
  writer_.ForgetCache();
  RETURN_IF_ERROR(db_->Exec("ROLLBACK TO batch"));
  return db_->Exec("RELEASE batch");
}

absl::Status GroupWriter::Probe() {
  SqliteTransaction transaction(db_.get());
  RETURN_IF_ERROR(transaction.Begin());
  RETURN_IF_ERROR(
      db_->Exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', zeroblob(65536))"));
  return transaction.Commit();
}

}  // namespace graphkiln::coordinator
