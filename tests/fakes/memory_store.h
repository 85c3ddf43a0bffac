// A journal and event history in memory, with the faults that tests need: commits wait until the
// test lets them through, and the storage may refuse writes. It enforces the same fences as the SQL
// store and can be loaded again, as after a restart.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/job_record.h"
#include "services/coordinator/core/journal.h"

namespace graphkiln::coordinator {

/// Thread-compatible.
class MemoryStore final : public Journal, public EventHistory {
 public:
  void Commit(CommitBatch batch) override { queue_.push_back(std::move(batch)); }

  absl::Status Health() const override {
    return refusing_ ? absl::ResourceExhaustedError("the disk is full") : absl::OkStatus();
  }

  /// From now on writes fail (true) or work (false).
  void Refuse(bool refuse) { refusing_ = refuse; }

  /// Makes everything durable that can be, and calls back.
  void Flush() {
    while (FlushOne()) {
    }
  }

  /// Handles the oldest batch; false when there is none that can be handled.
  bool FlushOne() {
    if (refusing_) {
      const auto it = std::find_if(queue_.begin(), queue_.end(),
                                   [](const CommitBatch& batch) { return batch.refusable; });
      if (it == queue_.end()) return false;
      CommitBatch batch = std::move(*it);
      queue_.erase(it);
      batch.done(StorageError("the disk is full"));
      return true;
    }
    if (queue_.empty()) return false;
    CommitBatch batch = std::move(queue_.front());
    queue_.pop_front();
    for (const Mutation& mutation : batch.mutations) {
      const absl::Status status =
          std::visit([this](const auto& put) { return Put(put); }, mutation);
      if (!status.ok()) {
        if (!lost_leases_) GRAPHKILN_BUG("memory_store.fence", MessageOf(status));
        batch.done(status);
        return true;
      }
    }
    ++commits_;
    batch.done(absl::OkStatus());
    return true;
  }

  /// As when the store closes while the disk refuses: what waits is given up.
  void GiveUp() {
    while (!queue_.empty()) {
      CommitBatch batch = std::move(queue_.front());
      queue_.pop_front();
      batch.done(StorageError("the disk is full"));
    }
  }

  /// As if somebody else had closed all leases in the database.
  void CloseLeases() {
    lost_leases_ = true;
    for (auto& [key, lease] : leases_) lease.state = StoredLeaseState::kClosed;
  }

  /// A crash: what was not durable is lost, and so are the callbacks.
  void LoseQueue() { queue_.clear(); }

  size_t waiting() const { return queue_.size(); }
  int64_t commits() const { return commits_; }

  LoadedState Load(int64_t events_per_job = 1024) {
    LoadedState state;
    state.generation = ++generation_;
    state.token_key = "a key of thirty-two bytes length";
    state.log_generation = 7;
    for (const auto& [uid, stored] : jobs_) {
      state.jobs.push_back({stored.job, specs_.at(uid), stored.internals});
      const auto log = events_.find(uid);
      if (log != events_.end() && !JobRecord::IsTerminal(stored.job->state())) {
        LoadedEvents events{uid, log->second};
        if (static_cast<int64_t>(events.tail.size()) > events_per_job) {
          events.tail.erase(events.tail.begin(), events.tail.end() - events_per_job);
        }
        state.events.push_back(std::move(events));
      }
    }
    for (const auto& [key, lease] : leases_) {
      if (lease.state != StoredLeaseState::kClosed) state.open_leases.push_back(lease);
    }
    for (const auto& [sha256, bytes] : programs_) state.programs.push_back({sha256, bytes});
    for (const auto& [key, entry] : request_ids_) state.request_ids.push_back(entry);
    for (const auto& [name, worker] : workers_) state.workers.push_back(worker);
    return state;
  }

  absl::StatusOr<EventPage> ReadEvents(const std::string& job_uid, int64_t after_seq,
                                       int64_t max_events) override {
    EventPage page;
    for (const auto& event : events_[job_uid]) {
      if (event->seq() <= after_seq) continue;
      if (static_cast<int64_t>(page.events.size()) == max_events) {
        page.more = true;
        break;
      }
      page.events.push_back(event);
    }
    return page;
  }

  /// Removes stored events up to `seq`, as a retention would.
  void DropEvents(const std::string& job_uid, int64_t seq) {
    auto& log = events_[job_uid];
    std::erase_if(log, [seq](const auto& event) { return event->seq() <= seq; });
  }

  /// The bound of the last purge of request ids.
  int64_t purged_to() const { return purged_to_; }
  const std::vector<std::shared_ptr<const v1::Event>>& events(const std::string& uid) {
    return events_[uid];
  }
  size_t request_ids() const { return request_ids_.size(); }
  bool HasProgram(const std::string& sha256) const { return programs_.contains(sha256); }
  size_t programs() const { return programs_.size(); }
  size_t points(const std::string& uid, const std::string& series) const {
    const auto it = points_.find({uid, series});
    return it == points_.end() ? 0 : it->second;
  }

 private:
  struct StoredJob {
    std::shared_ptr<const v1::Job> job;
    JobInternals internals;
  };
  using LeaseKey = std::pair<std::string, int64_t>;

  absl::Status Put(const PutJobSpec& put) {
    specs_[put.uid] = put.spec;
    return absl::OkStatus();
  }
  absl::Status Put(const PutJob& put) {
    const auto it = jobs_.find(put.job->uid());
    if (it != jobs_.end()) {
      const v1::Job& old = *it->second.job;
      if (put.job->lease_epoch() < old.lease_epoch()) return absl::AbortedError("I2: epoch");
      if (JobRecord::IsTerminal(old.state()) && put.job->state() != old.state()) {
        return absl::AbortedError("I4: terminal");
      }
    }
    jobs_[put.job->uid()] = {put.job, put.internals};
    return absl::OkStatus();
  }
  absl::Status Put(const PutLease& put) {
    const LeaseKey key{put.job_uid, put.epoch};
    if (put.state == StoredLeaseState::kOffered) {
      for (const auto& [other, lease] : leases_) {
        if (other.first != put.job_uid) continue;
        if (other.second >= put.epoch) return absl::AbortedError("I2: epoch of a lease");
        if (lease.state != StoredLeaseState::kClosed) return absl::AbortedError("I1: two leases");
      }
      leases_[key] = {put.job_uid, put.epoch, put.worker,      put.incarnation,
                      put.state,   0,         put.registration};
      return absl::OkStatus();
    }
    const auto it = leases_.find(key);
    if (it == leases_.end() || it->second.state == StoredLeaseState::kClosed) {
      return absl::AbortedError("I3: lease is closed");
    }
    it->second.state = put.state;
    return absl::OkStatus();
  }
  absl::Status Put(const AppendEvents& append) {
    if (append.fence_epoch != 0) {
      const auto it = leases_.find({append.job_uid, append.fence_epoch});
      if (it == leases_.end() || it->second.state == StoredLeaseState::kClosed) {
        return absl::AbortedError("I3: events of a closed lease");
      }
      it->second.last_worker_seq = append.last_worker_seq;
    }
    auto& log = events_[append.job_uid];
    for (const auto& event : append.events) {
      if (!log.empty() && event->seq() <= log.back()->seq()) return absl::AbortedError("I10: seq");
      log.push_back(event);
    }
    return absl::OkStatus();
  }
  absl::Status Put(const AppendMetrics& append) {
    for (const SeriesPoints& series : append.series) {
      points_[{append.job_uid, series.name}] += series.steps.size();
    }
    return absl::OkStatus();
  }
  absl::Status Put(const PutProgram& put) {
    programs_[put.sha256] = put.bytes;
    return absl::OkStatus();
  }
  absl::Status Put(const DropProgram& drop) {
    programs_.erase(drop.sha256);
    return absl::OkStatus();
  }
  absl::Status Put(const PutIdempotency& put) {
    request_ids_[{put.scope, put.request_id}] = put;
    return absl::OkStatus();
  }
  absl::Status Put(const PurgeIdempotency& purge) {
    std::erase_if(request_ids_,
                  [&](const auto& entry) { return entry.second.time < purge.before; });
    purged_to_ = purge.most;
    return absl::OkStatus();
  }
  absl::Status Put(const PutWorker& put) {
    workers_[put.name] = put;
    return absl::OkStatus();
  }
  // The core writes none of these.
  absl::Status Put(const PutGraphContent&) { return absl::OkStatus(); }
  absl::Status Put(const PutGraph&) { return absl::OkStatus(); }
  absl::Status Put(const DeleteGraph&) { return absl::OkStatus(); }
  absl::Status Put(const PutDataset&) { return absl::OkStatus(); }
  absl::Status Put(const DeleteDataset&) { return absl::OkStatus(); }

  std::deque<CommitBatch> queue_;
  bool refusing_ = false;
  bool lost_leases_ = false;
  int64_t purged_to_ = 0;
  int64_t commits_ = 0;
  uint64_t generation_ = 0;
  std::map<std::string, StoredJob> jobs_;
  std::map<std::string, std::shared_ptr<const std::string>> specs_;
  std::map<LeaseKey, LoadedLease> leases_;
  std::map<std::string, std::vector<std::shared_ptr<const v1::Event>>> events_;
  std::map<std::pair<std::string, std::string>, size_t> points_;
  std::map<std::string, std::shared_ptr<const std::string>> programs_;
  std::map<std::pair<std::string, std::string>, PutIdempotency> request_ids_;
  std::map<std::string, PutWorker> workers_;
};

}  // namespace graphkiln::coordinator
