// Files by SHA-256 in a local folder, shared by all jobs of the worker: data, weights and
// checkpoints to start from. Each is downloaded once, however many jobs ask at the same time,
// checked against its digest and moved into place when it is complete. A file that is not as it was
// when its digest was checked (also one of an earlier process) is checked again before it is used,
// and fetched again where it is missing or wrong. The least recently used ones are removed when the
// folder grows beyond its bound; files in use stay. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/file_stamp.h"
#include "services/worker/daemon/coordinator_api.h"

namespace graphkiln::worker {

class ArtifactCache {
 public:
  struct Options {
    std::string folder;
    uint64_t max_bytes = 20ull << 30;
    /// Transfers with a wrong digest before it is given up.
    int attempts = 3;
    /// First pause before another attempt; doubles up to 10 s.
    absl::Duration pause = absl::Milliseconds(500);
  };

  /// Makes the folder and takes over what an earlier process left (complete files only).
  static absl::StatusOr<std::unique_ptr<ArtifactCache>> Open(Options options, CoordinatorApi& api);

  /// Keeps a file from being removed while it lives.
  class Pin {
   public:
    Pin() = default;
    Pin(ArtifactCache* cache, std::string sha256, const FileStamp& stamp)
        : cache_(cache), sha256_(std::move(sha256)), stamp_(stamp) {}
    Pin(Pin&& other) noexcept { *this = std::move(other); }
    Pin& operator=(Pin&& other) noexcept;
    ~Pin() { Release(); }
    std::string path() const;
    /// Whether the file is still the one that was checked: where not, what a job made of it means
    /// nothing.
    bool Sound() const;

   private:
    void Release();
    ArtifactCache* cache_ = nullptr;
    std::string sha256_;
    FileStamp stamp_;
  };

  /// The file, downloaded if it is not there or not as it should be. Errors: InvalidArgument (no
  /// digest), NotFound, ResourceExhausted (disk full), DataLoss (digest differs again and again),
  /// Cancelled. While the coordinator is away it waits.
  absl::StatusOr<Pin> Get(const std::string& sha256, Cancellation& cancellation);

  uint64_t bytes() const;

 private:
  struct Entry {
    /// kUnchecked: on disk, or once was; nobody knows with which bytes.
    enum class State { kLoading, kUnchecked, kReady } state = State::kUnchecked;
    uint64_t bytes = 0;
    FileStamp stamp;  // when the digest was checked
    int pins = 0;
    uint64_t last_use = 0;
  };

  ArtifactCache(Options options, CoordinatorApi& api);

  std::string PathOf(const std::string& sha256) const;
  /// The file that is there where its digest is right, else a fetched one.
  absl::StatusOr<FileStamp> Load(const std::string& sha256, Cancellation& cancellation);
  absl::Status Fetch(const std::string& sha256, Cancellation& cancellation);
  absl::Status FetchOnce(const std::string& sha256, Cancellation& cancellation);
  /// REQUIRES: mu_ is held.
  void EvictLocked();
  void Unpin(const std::string& sha256);

  const Options options_;
  CoordinatorApi& api_;

  mutable std::mutex mu_;
  std::condition_variable loaded_;
  std::map<std::string, Entry> entries_;
  uint64_t bytes_ = 0;
  uint64_t uses_ = 0;
};

}  // namespace graphkiln::worker
