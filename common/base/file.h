// Files: bounded reads, atomic durable writes, mapped views. Errors carry the path and the system's
// reason: NotFound, PermissionDenied, ResourceExhausted (disk full), InvalidArgument (too large).
// All functions are thread-safe; the classes are thread-compatible.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace graphkiln {

/// The whole file; refuses as soon as it proves larger than `max_bytes` (also a pipe or device).
absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes);

/// Standard input until its end, under the same limit.
absl::StatusOr<std::string> ReadStdin(uint64_t max_bytes);

/// Replaces `path` so that every reader sees the old or the new contents, also after a power cut:
/// temporary file beside it (links followed, mode kept), fsync, rename; devices are written to.
absl::Status WriteFileAtomic(const std::string& path, std::string_view contents);

/// Makes the directory and its missing parents; OK when it exists.
absl::Status MakeDirs(const std::string& path);
bool FileExists(const std::string& path);
bool IsDirectory(const std::string& path);
absl::StatusOr<uint64_t> FileSize(const std::string& path);
/// Names (not paths) in a directory, sorted, without "." and "..".
absl::StatusOr<std::vector<std::string>> ListDir(const std::string& path);
/// OK when it does not exist.
absl::Status RemoveFile(const std::string& path);
/// Removes a directory with all it holds, never following links; OK when it does not exist.
absl::Status RemoveTree(const std::string& path);
/// A fresh private directory `<prefix>XXXXXX` under $TMPDIR or /tmp.
absl::StatusOr<std::string> MakeTempDir(std::string_view prefix);

/// "a/b" from "a" and "b"; an absolute `b` stands alone, an empty `a` gives `b`.
std::string JoinPath(std::string_view a, std::string_view b);
/// "a" of "a/b", "." of "b", "/" of "/b".
std::string DirName(std::string_view path);
std::string BaseName(std::string_view path);

/// A file written piece by piece that appears under its name only at Commit; destroyed before, it
/// leaves nothing behind.
class AtomicFile {
 public:
  static absl::StatusOr<AtomicFile> Create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  absl::Status Append(std::string_view bytes);
  /// Durable and visible once OK. REQUIRES: called at most once.
  absl::Status Commit();

 private:
  AtomicFile(std::string path, std::string temp_path, int fd);
  void Abandon();

  std::string path_;
  std::string temp_path_;
  int fd_ = -1;
};

/// A read-only view of a whole file. The file must not be truncated while it is mapped; replace
/// files by WriteFileAtomic, which leaves the old contents to those who hold them.
class MappedFile {
 public:
  static absl::StatusOr<MappedFile> Open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }

 private:
  MappedFile(void* data, size_t size) : data_(data), size_(size) {}

  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace graphkiln
