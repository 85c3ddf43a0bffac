// A coordinator for the worker's unit tests: keeps artifacts, commits and ends in memory, fails on
// demand, and lets a test wait for what arrives. Thread-safe.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "services/worker/daemon/coordinator_api.h"
#include "services/worker/daemon/event_sink.h"

namespace graphkiln::worker::fake {

class FakeCoordinatorApi final : public CoordinatorApi {
 public:
  absl::Status Download(const std::string& sha256, int64_t offset, const Sink& sink,
                        Cancellation& cancellation) override {
    std::string bytes;
    {
      std::unique_lock lock(mu_);
      ++downloads;
      changed_.notify_all();
      Cancellation::Hook hook(cancellation, [this] { changed_.notify_all(); });
      while (block_downloads && !cancellation.cancelled()) {
        changed_.wait_for(lock, absl::ToChronoMilliseconds(absl::Milliseconds(5)));
      }
      if (cancellation.cancelled()) {
        return absl::CancelledError("cancelled");
      }
      if (!download_errors.empty()) {
        const absl::Status error = download_errors.front();
        download_errors.erase(download_errors.begin());
        return error;
      }
      const auto it = artifacts.find(sha256);
      if (it == artifacts.end()) {
        return absl::NotFoundError("no artifact " + sha256);
      }
      bytes = it->second;
    }
    std::string_view left = std::string_view(bytes).substr(static_cast<size_t>(offset));
    while (!left.empty()) {
      const absl::Status status = sink(left.substr(0, 3));
      if (!status.ok()) {
        return status;
      }
      left.remove_prefix(std::min<size_t>(3, left.size()));
    }
    return absl::OkStatus();
  }

  absl::Status Upload(const std::string& path, const std::string& sha256, Cancellation&) override {
    const absl::StatusOr<std::string> bytes = ReadFile(path, 1 << 30);
    std::lock_guard lock(mu_);
    ++uploads;
    changed_.notify_all();
    if (!unreachable.ok()) {
      return unreachable;
    }
    if (!upload_error.ok()) {
      return upload_error;
    }
    if (!bytes.ok()) {
      return bytes.status();
    }
    if (Sha256Hex(*bytes) != sha256) {
      return absl::DataLossError("wrong digest");
    }
    artifacts[sha256] = *bytes;
    return absl::OkStatus();
  }

  absl::Status CommitCheckpoint(const v1::CommitCheckpointRequest& request,
                                Cancellation&) override {
    std::lock_guard lock(mu_);
    if (!unreachable.ok()) {
      return unreachable;
    }
    if (fenced) {
      return absl::AbortedError("LEASE_FENCED");
    }
    if (artifacts.count(request.checkpoint().artifact()) == 0) {
      return absl::NotFoundError("not uploaded");
    }
    commits.push_back(request);
    changed_.notify_all();
    return absl::OkStatus();
  }

  absl::Status FinishLease(const v1::FinishLeaseRequest& request, Cancellation&) override {
    std::lock_guard lock(mu_);
    ++finish_attempts;
    changed_.notify_all();
    if (!unreachable.ok()) {
      return unreachable;
    }
    if (fenced) {
      return absl::AbortedError("LEASE_FENCED");
    }
    if (!finish_errors.empty()) {
      const absl::Status error = finish_errors.front();
      finish_errors.erase(finish_errors.begin());
      return error;
    }
    if (std::exchange(lose_artifacts, false)) {
      artifacts.clear();
    }
    for (const auto& [name, sha256] : request.artifacts()) {
      if (artifacts.count(sha256) == 0) {
        return MakeCallError(absl::StatusCode::kNotFound, name, "NOT_FOUND", "artifact");
      }
    }
    finishes.push_back(request);
    changed_.notify_all();
    return absl::OkStatus();
  }

  /// Adds an artifact; returns its digest.
  std::string Put(const std::string& bytes) {
    std::lock_guard lock(mu_);
    const std::string sha256 = Sha256Hex(bytes);
    artifacts[sha256] = bytes;
    return sha256;
  }
  /// Changes what the fake does.
  void Set(const std::function<void(FakeCoordinatorApi&)>& change) {
    std::lock_guard lock(mu_);
    change(*this);
    changed_.notify_all();
  }
  /// Waits until `condition` holds; false after a long time.
  bool WaitUntil(const std::function<bool()>& condition) {
    std::unique_lock lock(mu_);
    return changed_.wait_for(lock, absl::ToChronoSeconds(absl::Seconds(30)), condition);
  }

  // Under the lock: read and write them in Set and WaitUntil.
  std::map<std::string, std::string> artifacts;
  std::vector<v1::CommitCheckpointRequest> commits;
  std::vector<v1::FinishLeaseRequest> finishes;
  std::vector<absl::Status> download_errors;
  absl::Status unreachable;
  absl::Status upload_error;
  std::vector<absl::Status> finish_errors;
  bool fenced = false;
  bool block_downloads = false;
  /// The next end finds that nothing is stored (any more).
  bool lose_artifacts = false;
  int downloads = 0;
  int uploads = 0;
  int finish_attempts = 0;

 private:
  std::mutex mu_;
  std::condition_variable changed_;
};

/// Events in memory, durable at once.
class FakeEventSink final : public EventSink {
 public:
  void Open(const LeaseId& id) override {
    std::lock_guard lock(mu_);
    events_[id];
  }
  void Append(const LeaseId& id, graphkiln::v1::Event event) override {
    {
      std::lock_guard lock(mu_);
      events_[id].push_back(std::move(event));
    }
    changed_.notify_all();
  }
  bool Flush(const LeaseId&, absl::Duration, Cancellation&) override {
    std::lock_guard lock(mu_);
    last_flush_ = durable_;
    return durable_;
  }
  uint64_t last_seq(const LeaseId& id) const override {
    std::lock_guard lock(mu_);
    const auto it = events_.find(id);
    return it == events_.end() ? 0 : it->second.size();
  }
  void Close(const LeaseId& id) override {
    std::lock_guard lock(mu_);
    closed_.insert(id);
  }

  /// Whether events reach the coordinator; what the last attempt to send them came to.
  void SetDurable(bool durable) {
    std::lock_guard lock(mu_);
    durable_ = durable;
  }
  bool last_flush() const {
    std::lock_guard lock(mu_);
    return last_flush_;
  }
  /// As a new process.
  void Forget() {
    std::lock_guard lock(mu_);
    events_.clear();
  }

  std::vector<graphkiln::v1::Event> events(const LeaseId& id) const {
    std::lock_guard lock(mu_);
    const auto it = events_.find(id);
    return it == events_.end() ? std::vector<graphkiln::v1::Event>() : it->second;
  }
  bool closed(const LeaseId& id) const {
    std::lock_guard lock(mu_);
    return closed_.count(id) > 0;
  }
  /// Waits for an event that fits.
  bool WaitFor(const LeaseId& id, const std::function<bool(const graphkiln::v1::Event&)>& fits) {
    std::unique_lock lock(mu_);
    return changed_.wait_for(lock, absl::ToChronoSeconds(absl::Seconds(30)), [&] {
      const auto& events = events_[id];
      return std::any_of(events.begin(), events.end(), fits);
    });
  }

 private:
  mutable std::mutex mu_;
  std::condition_variable changed_;
  std::map<LeaseId, std::vector<graphkiln::v1::Event>> events_;
  std::set<LeaseId> closed_;
  bool durable_ = true;
  bool last_flush_ = false;
};

}  // namespace graphkiln::worker::fake
