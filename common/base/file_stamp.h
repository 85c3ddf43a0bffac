// Tells whether a file is still the one that was looked at: what the system says of it (cheap), and
// the digest of its bytes (all of it is read). For the worker's cache and the coordinator's store
// of files that are named by their digest. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace graphkiln {

/// Equal stamps: the same file with the same bytes, except for a change of equal length within one
/// tick of the file system's clock. Any change of bytes, also one that sets the time back, changes
/// `changed`; so do a rename and a new mode, which leave the bytes alone.
struct FileStamp {
  uint64_t inode = 0;
  uint64_t bytes = 0;
  int64_t modified = 0;  // nanoseconds since 1970
  int64_t changed = 0;   // likewise, of the inode
  bool operator==(const FileStamp&) const = default;
};

/// Of a regular file, links not followed. Errors: NotFound (also where it is not a regular file).
absl::StatusOr<FileStamp> StampOf(const std::string& path);

/// SHA-256 of the whole file, read in pieces. Errors: as of ReadFile.
absl::StatusOr<std::string> FileSha256(const std::string& path);

}  // namespace graphkiln
