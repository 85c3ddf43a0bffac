// Content-addressed files: data sets, checkpoints, weights, reports. A file is named by the SHA-256
// of its bytes, `<root>/ab/cdef...`; names from outside never become paths: only 64 lower-case hex
// digits are looked up. Writers verify size and digest while receiving and publish by rename after
// fsync; readers of a whole file verify it again. What proves damaged is set aside and counts as
// missing, so that the next upload replaces it. All calls block on disk: executor threads only.
// ArtifactStore is thread-safe; a writer or reader belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/base/file_stamp.h"
#include "common/base/hash.h"
#include "common/base/strings.h"
#include "services/coordinator/core/mutex.h"

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
  ArtifactReader(int fd, uint64_t inode, int64_t size, int64_t offset)
      : fd_(fd), inode_(inode), size_(size), offset_(offset) {}
  int fd_;
  uint64_t inode_;
  int64_t size_;
  int64_t offset_;
};

struct ArtifactInfo {
  std::string sha256;
  int64_t bytes = 0;
  absl::Time modified;  // uploaded, or found by an upload, most recently
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
  /// As Stat, of a file whose bytes are right: they are read unless that was done before and the
  /// file is as it was then. Error: also NOT_FOUND for one that is damaged or has another size.
  absl::StatusOr<ArtifactInfo> StatSound(std::string_view sha256, int64_t bytes);
  /// The bytes that `reader` gave are not those of the digest: they count as missing from now on,
  /// unless an upload has replaced them already. The error that tells it.
  absl::Status SetAside(std::string_view sha256, const ArtifactReader& reader);
  /// Errors: FIELD_INVALID (digest, negative size), TOO_LARGE, STORAGE_UNAVAILABLE.
  absl::StatusOr<std::unique_ptr<ArtifactWriter>> Create(std::string_view sha256, int64_t bytes);
  /// Errors: NOT_FOUND, FIELD_INVALID (offset beyond the end).
  absl::StatusOr<std::unique_ptr<ArtifactReader>> OpenFile(std::string_view sha256,
                                                           int64_t offset) const;
  /// Path of a stored file, for programs on this machine. Errors: NOT_FOUND, FIELD_INVALID.
  absl::StatusOr<std::string> Path(std::string_view sha256) const;
  /// Ordered by digest, those after `after`.
  absl::StatusOr<ArtifactPage> List(std::string_view after, size_t most) const;
  /// While the result lives, RemoveUnused leaves the file alone. Taken before looking whether the
  /// file is there and kept until what refers to it is committed, so that no row refers to a file
  /// that goes in between. Never blocks for long; any thread.
  [[nodiscard]] std::shared_ptr<const void> Pin(std::string_view sha256);
  /// Somebody relies on the file from now on: it counts as modified now.
  absl::Status Touch(std::string_view sha256, absl::Time now);
  /// Removes the file unless it is pinned or `used` says true; nobody can pin it between that
  /// answer and the removal. True: it is gone (or was not there).
  absl::StatusOr<bool> RemoveUnused(std::string_view sha256,
                                    const std::function<absl::StatusOr<bool>()>& used);

 private:
  struct Pins {
    Mutex mu;
    StringMap<int64_t> counts ABSL_GUARDED_BY(mu);
  };
  ArtifactStore(std::string root, int64_t max_bytes)
      : root_(std::move(root)), max_bytes_(max_bytes) {}
  std::string FilePath(std::string_view sha256) const;
  bool KnownSound(std::string_view sha256, const FileStamp& stamp);
  void Remember(std::string_view sha256, const FileStamp& stamp);

  const std::string root_;
  const int64_t max_bytes_;
  Mutex mu_;
  StringMap<FileStamp> sound_ ABSL_GUARDED_BY(mu_);  // files when their bytes proved right; bounded
  const std::shared_ptr<Pins> pins_ = std::make_shared<Pins>();  // pins may outlive the store
};

}  // namespace graphkiln::coordinator
