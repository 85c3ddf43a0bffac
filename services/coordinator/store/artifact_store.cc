#include "services/coordinator/store/artifact_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

constexpr size_t kDirectoryDigits = 2;
constexpr size_t kDigits = 64;
constexpr size_t kMostRemembered = 10'000;
constexpr std::string_view kDamagedSuffix = ".damaged";  // removed by the next Open

absl::Status CheckDigest(std::string_view sha256) {
  if (IsSha256Hex(sha256)) return absl::OkStatus();
  return FieldError("sha256", "must be 64 lower-case hex digits");
}

absl::Status TooLarge(int64_t limit) {
  return MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_TOO_LARGE,
                   fmt::format("the file is larger than {} bytes", limit),
                   {{"limit", fmt::format("{}", limit)}});
}

// Disk errors of base/ in the words of the API.
absl::Status AsStorageError(const absl::Status& status) {
  return status.ok() ? status : StorageError(MessageOf(status));
}

}  // namespace

bool IsSha256Hex(std::string_view text) {
  return text.size() == kDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::Status ArtifactWriter::Append(std::string_view bytes) {
  if (static_cast<int64_t>(bytes.size()) > expected_ - received_) return TooLarge(expected_);
  RETURN_IF_ERROR(AsStorageError(file_.Append(bytes)));
  hash_.Update(bytes);
  received_ += static_cast<int64_t>(bytes.size());
  return absl::OkStatus();
}

absl::Status ArtifactWriter::Finish() {
  const std::string found = hash_.HexDigest();
  if (received_ != expected_ || found != sha256_) {
    return MakeError(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_CHECKSUM_MISMATCH,
                     fmt::format("expected {} bytes with SHA-256 {}, received {} with {}",
                                 expected_, sha256_, received_, found));
  }
  return AsStorageError(file_.Commit());
}

ArtifactReader::~ArtifactReader() { close(fd_); }

absl::StatusOr<std::string> ArtifactReader::Read(size_t most) {
  std::string bytes(
      std::min<size_t>(most, static_cast<size_t>(std::max<int64_t>(size_ - offset_, 0))), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = pread(fd_, bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(offset_) + static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return absl::DataLossError(
          fmt::format("a stored file cannot be read: {}",
                      count == 0 ? "it ends too early" : std::strerror(errno)));
    }
    done += static_cast<size_t>(count);
  }
  offset_ += static_cast<int64_t>(done);
  return bytes;
}

absl::StatusOr<std::unique_ptr<ArtifactStore>> ArtifactStore::Open(std::string root,
                                                                   int64_t max_bytes) {
  RETURN_IF_ERROR(AsStorageError(MakeDirs(root)));
  std::unique_ptr<ArtifactStore> store(new ArtifactStore(std::move(root), max_bytes));
  ASSIGN_OR_RETURN(const std::vector<std::string> directories, ListDir(store->root_));
  for (const std::string& directory : directories) {
    if (directory.size() != kDirectoryDigits) continue;
    const std::string path = JoinPath(store->root_, directory);
    ASSIGN_OR_RETURN(const std::vector<std::string> files, ListDir(path));
    for (const std::string& file : files) {
      // What is not a whole digest is what an interrupted upload left.
      if (!IsSha256Hex(directory + file)) RETURN_IF_ERROR(RemoveFile(JoinPath(path, file)));
    }
  }
  return store;
}

std::string ArtifactStore::FilePath(std::string_view sha256) const {
  return JoinPath(JoinPath(root_, sha256.substr(0, kDirectoryDigits)),
                  sha256.substr(kDirectoryDigits));
}

bool ArtifactStore::Exists(std::string_view sha256) const {
  return IsSha256Hex(sha256) && FileExists(FilePath(sha256));
}

absl::StatusOr<ArtifactInfo> ArtifactStore::Stat(std::string_view sha256) const {
  RETURN_IF_ERROR(CheckDigest(sha256));
  if (!Exists(sha256)) return NotFoundError("artifact", sha256);
  struct stat info{};
  if (lstat(FilePath(sha256).c_str(), &info) != 0) return NotFoundError("artifact", sha256);
  return ArtifactInfo{std::string(sha256), static_cast<int64_t>(info.st_size),
                      absl::TimeFromTimespec(info.st_mtim)};
}

bool ArtifactStore::KnownSound(std::string_view sha256, const FileStamp& stamp) {
  MutexLock lock(&mu_);
  const auto it = sound_.find(sha256);
  return it != sound_.end() && it->second == stamp;
}

void ArtifactStore::Remember(std::string_view sha256, const FileStamp& stamp) {
  MutexLock lock(&mu_);
  if (sound_.size() >= kMostRemembered) sound_.clear();  // costs reading them again
  sound_.insert_or_assign(std::string(sha256), stamp);
}

absl::StatusOr<ArtifactInfo> ArtifactStore::StatSound(std::string_view sha256, int64_t bytes) {
  ASSIGN_OR_RETURN(ArtifactInfo info, Stat(sha256));
  if (info.bytes != bytes) return NotFoundError("artifact", sha256);
  const std::string path = FilePath(sha256);
  const absl::StatusOr<FileStamp> stamp = StampOf(path);
  if (!stamp.ok()) return NotFoundError("artifact", sha256);
  if (KnownSound(sha256, *stamp)) return info;
  const absl::StatusOr<std::string> found = FileSha256(path);
  if (!found.ok() || *found != sha256) {
    KILN_ERROR("the stored file {} is damaged; an upload replaces it", path);
    return NotFoundError("artifact", sha256);
  }
  Remember(sha256, *stamp);
  return info;
}

absl::Status ArtifactStore::SetAside(std::string_view sha256, const ArtifactReader& reader) {
  RETURN_IF_ERROR(CheckDigest(sha256));
  const std::string path = FilePath(sha256);
  const absl::StatusOr<FileStamp> stamp = StampOf(path);
  if (stamp.ok() && stamp->inode == reader.inode_) {
    const std::string aside = path + std::string(kDamagedSuffix);
    const bool moved = std::rename(path.c_str(), aside.c_str()) == 0;
    KILN_ERROR("the stored file {} is damaged{}", path,
               moved ? "; it counts as missing and lies aside until the next start" : "");
  }
  return MakeError(absl::StatusCode::kNotFound, v1::ERROR_REASON_CHECKSUM_MISMATCH,
                   fmt::format("the stored file {} is damaged; upload it again", sha256));
}

absl::StatusOr<std::string> ArtifactStore::Path(std::string_view sha256) const {
  RETURN_IF_ERROR(CheckDigest(sha256));
  if (!Exists(sha256)) return NotFoundError("artifact", sha256);
  return FilePath(sha256);
}

absl::StatusOr<std::unique_ptr<ArtifactWriter>> ArtifactStore::Create(std::string_view sha256,
                                                                      int64_t bytes) {
  RETURN_IF_ERROR(CheckDigest(sha256));
  if (bytes < 0) return FieldError("bytes", "is negative");
  if (bytes > max_bytes_) return TooLarge(max_bytes_);
  const std::string path = FilePath(sha256);
  RETURN_IF_ERROR(AsStorageError(MakeDirs(DirName(path))));
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
  if (!file.ok()) return AsStorageError(file.status());
  return std::unique_ptr<ArtifactWriter>(
      new ArtifactWriter(std::move(*file), std::string(sha256), bytes));
}

absl::StatusOr<std::unique_ptr<ArtifactReader>> ArtifactStore::OpenFile(std::string_view sha256,
                                                                        int64_t offset) const {
  RETURN_IF_ERROR(CheckDigest(sha256));
  const int fd = open(FilePath(sha256).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return NotFoundError("artifact", sha256);
  struct stat info{};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    return NotFoundError("artifact", sha256);
  }
  if (offset < 0 || offset > info.st_size) {
    close(fd);
    return FieldError("offset", fmt::format("is not within the file's {} bytes", info.st_size));
  }
  return std::unique_ptr<ArtifactReader>(new ArtifactReader(fd, info.st_ino, info.st_size, offset));
}

absl::StatusOr<ArtifactPage> ArtifactStore::List(std::string_view after, size_t most) const {
  ArtifactPage page;
  ASSIGN_OR_RETURN(const std::vector<std::string> directories, ListDir(root_));
  for (const std::string& directory : directories) {
    if (directory.size() != kDirectoryDigits ||
        directory < after.substr(0, std::min(after.size(), kDirectoryDigits))) {
      continue;
    }
    ASSIGN_OR_RETURN(const std::vector<std::string> files, ListDir(JoinPath(root_, directory)));
    for (const std::string& file : files) {
      const std::string sha256 = directory + file;
      if (!IsSha256Hex(sha256) || sha256 <= after) continue;
      if (page.items.size() == most) {
        page.next_after = page.items.back().sha256;
        return page;
      }
      absl::StatusOr<ArtifactInfo> info = Stat(sha256);
      if (info.ok()) page.items.push_back(*std::move(info));  // else: removed meanwhile
    }
  }
  return page;
}

std::shared_ptr<const void> ArtifactStore::Pin(std::string_view sha256) {
  std::string key(sha256);
  {
    MutexLock lock(&pins_->mu);
    ++pins_->counts[key];
  }
  return std::shared_ptr<const void>(this, [pins = pins_, key = std::move(key)](const void*) {
    MutexLock lock(&pins->mu);
    const auto it = pins->counts.find(key);
    if (--it->second == 0) pins->counts.erase(it);
  });
}

absl::Status ArtifactStore::Touch(std::string_view sha256, absl::Time now) {
  RETURN_IF_ERROR(CheckDigest(sha256));
  const timespec time = absl::ToTimespec(now);
  const std::array<timespec, 2> times = {time, time};
  const std::string path = FilePath(sha256);
  const absl::StatusOr<FileStamp> before = StampOf(path);
  if (utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0) {
    // Our own change of the time is no reason to read the bytes again.
    const absl::StatusOr<FileStamp> after = StampOf(path);
    if (before.ok() && after.ok() && KnownSound(sha256, *before)) Remember(sha256, *after);
    return absl::OkStatus();
  }
  return errno == ENOENT ? NotFoundError("artifact", sha256)
                         : StorageError(fmt::format("{}: {}", sha256, std::strerror(errno)));
}

absl::StatusOr<bool> ArtifactStore::RemoveUnused(
    std::string_view sha256, const std::function<absl::StatusOr<bool>()>& used) {
  RETURN_IF_ERROR(CheckDigest(sha256));
  // The lock spans the question and the removal; whoever pins meanwhile finds no file afterwards.
  MutexLock lock(&pins_->mu);
  if (pins_->counts.contains(sha256)) return false;
  ASSIGN_OR_RETURN(const bool needed, used());
  if (needed) return false;
  RETURN_IF_ERROR(AsStorageError(RemoveFile(FilePath(sha256))));
  return true;
}

}  // namespace graphkiln::coordinator
