// Content-addressed files: data sets, checkpoints, weights, reports. A file is named by the SHA-256
// of its bytes, `<root>/ab/cdef...`; names from outside never become paths: only 64 lower-case hex
// digits are looked up. Writers verify size and digest while receiving and publish by rename after
// fsync. All calls block on disk: executor threads only. ArtifactStore is thread-safe; a writer or
// reader belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/file.h"
#include "common/base/hash.h"

namespace graphkiln::coordinator {

bool IsSha256Hex(std::string_view text);

/// Receives one file. Destroyed before Finish succeeded, it leaves nothing behind.
class ArtifactWriter {
 public:
  /// Errors: TOO_LARGE (more bytes than announced), STORAGE_UNAVAILABLE.
  absl::Status Append(std::string_view bytes);
  /// Durable and visible once OK. Errors: CHECKSUM_MISMATCH (also for a wrong size),
  /// STORAGE_UNAVAILABLE.
  absl::Status Finish();
  int64_t received() const { return received_; }

 private:
  friend class ArtifactStore;
  ArtifactWriter(AtomicFile file, std::string sha256, int64_t bytes)
      : file_(std::move(file)), sha256_(std::move(sha256)), expected_(bytes) {}

  AtomicFile file_;
  Sha256 hash_;
  std::string sha256_;
  int64_t expected_;
  int64_t received_ = 0;
};

/// Reads one file from an offset.
class ArtifactReader {
 public:
  ~ArtifactReader();
  ArtifactReader(const ArtifactReader&) = delete;
  ArtifactReader& operator=(const ArtifactReader&) = delete;
  int64_t size() const { return size_; }
  /// Up to `most` bytes; empty at the end.
  absl::StatusOr<std::string> Read(size_t most);

 private:
  friend class ArtifactStore;
  ArtifactReader(int fd, int64_t size, int64_t offset) : fd_(fd), size_(size), offset_(offset) {}
  int fd_;
  int64_t size_;
  int64_t offset_;
};

struct ArtifactInfo {
  std::string sha256;
  int64_t bytes = 0;
};
struct ArtifactPage {
  std::vector<ArtifactInfo> items;
  std::string next_after;  // digest to continue after; empty on the last page
};

class ArtifactStore {
 public:
  /// Makes `root` and removes what interrupted uploads left.
  static absl::StatusOr<std::unique_ptr<ArtifactStore>> Open(std::string root, int64_t max_bytes);

  int64_t max_bytes() const { return max_bytes_; }
  bool Exists(std::string_view sha256) const;
  /// Errors: NOT_FOUND, FIELD_INVALID.
  absl::StatusOr<ArtifactInfo> Stat(std::string_view sha256) const;
  /// Errors: FIELD_INVALID (digest, negative size), TOO_LARGE, STORAGE_UNAVAILABLE.
  absl::StatusOr<std::unique_ptr<ArtifactWriter>> Create(std::string_view sha256, int64_t bytes);
  /// Errors: NOT_FOUND, FIELD_INVALID (offset beyond the end).
  absl::StatusOr<std::unique_ptr<ArtifactReader>> OpenFile(std::string_view sha256,
                                                           int64_t offset) const;
  /// Path of a stored file, for programs on this machine. Errors: NOT_FOUND, FIELD_INVALID.
  absl::StatusOr<std::string> Path(std::string_view sha256) const;
  /// Ordered by digest, those after `after`.
  absl::StatusOr<ArtifactPage> List(std::string_view after, size_t most) const;
  /// OK when it does not exist.
  absl::Status Remove(std::string_view sha256);

 private:
  ArtifactStore(std::string root, int64_t max_bytes)
      : root_(std::move(root)), max_bytes_(max_bytes) {}
  std::string FilePath(std::string_view sha256) const;

  const std::string root_;
  const int64_t max_bytes_;
};

}  // namespace graphkiln::coordinator
