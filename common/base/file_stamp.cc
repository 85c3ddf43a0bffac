#include "common/base/file_stamp.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "common/base/hash.h"

namespace graphkiln {
namespace {

constexpr size_t kPiece = 1 << 20;

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

absl::Status ErrnoError(const std::string& path) {
  return absl::ErrnoToStatus(errno, fmt::format("cannot read {}", path));
}

}  // namespace

absl::StatusOr<FileStamp> StampOf(const std::string& path) {
  struct stat info{};
  if (lstat(path.c_str(), &info) != 0) return ErrnoError(path);
  if (!S_ISREG(info.st_mode)) return absl::NotFoundError(fmt::format("{} is no file", path));
  return FileStamp{.inode = info.st_ino,
                   .bytes = static_cast<uint64_t>(info.st_size),
                   .modified = Nanoseconds(info.st_mtim),
                   .changed = Nanoseconds(info.st_ctim)};
}

absl::StatusOr<std::string> FileSha256(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return ErrnoError(path);
  Sha256 hash;
  std::vector<char> piece(kPiece);
  absl::Status status;
  while (true) {
    const ssize_t got = read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) status = ErrnoError(path);
    if (got <= 0) break;
    hash.Update({piece.data(), static_cast<size_t>(got)});
  }
  close(fd);
  if (!status.ok()) return status;
  return hash.HexDigest();
}

}  // namespace graphkiln
