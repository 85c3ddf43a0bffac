#include "common/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace graphkiln {
namespace {

constexpr size_t kChunk = 1 << 20;

absl::Status ErrnoError(int error, std::string_view what, const std::string& path) {
  if (error == EFBIG) {  // no room for it, whoever sets the limit
    return absl::ResourceExhaustedError(fmt::format(
        "cannot {} {}: larger than the system allows files to be (ulimit -f)", what, path));
  }
  // A mistake in what was given, not a failure of the machine.
  if (error == EISDIR && what == "read")
    return absl::InvalidArgumentError(fmt::format("cannot read {}: it is a directory", path));
  return absl::ErrnoToStatus(error, fmt::format("cannot {} {}", what, path));
}

absl::Status ErrorOf(const std::error_code& error, std::string_view what, const std::string& path) {
  return ErrnoError(error.value(), what, path);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

int OpenRetrying(const std::string& path, int flags, mode_t mode = 0) {
  int fd = -1;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

absl::Status TooLarge(const std::string& path, uint64_t max_bytes) {
  return absl::InvalidArgumentError(
      fmt::format("{} is larger than the limit of {}", path, HumanBytes(max_bytes)));
}

absl::StatusOr<std::string> ReadAll(int fd, const std::string& path, uint64_t max_bytes) {
  struct stat info{};
  if (fstat(fd, &info) != 0) return ErrnoError(errno, "read", path);
  if (S_ISDIR(info.st_mode)) return ErrnoError(EISDIR, "read", path);
  const bool regular = S_ISREG(info.st_mode);
  if (regular && static_cast<uint64_t>(info.st_size) > max_bytes) return TooLarge(path, max_bytes);
  std::string contents;
  size_t size = 0;
  // One byte more than expected shows the end of a regular file without growing the buffer.
  contents.resize(regular ? static_cast<size_t>(info.st_size) + 1 : kChunk);
  while (true) {
    if (size == contents.size()) contents.resize(contents.size() + std::max(kChunk, size / 2));
    const ssize_t got = read(fd, contents.data() + size, contents.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, "read", path);
    if (got == 0) break;
    size += static_cast<size_t>(got);
    if (size > max_bytes) return TooLarge(path, max_bytes);
  }
  contents.resize(size);
  return contents;
}

absl::Status SyncDirectory(const std::string& path) {
  const Descriptor directory(OpenRetrying(path, O_RDONLY | O_DIRECTORY));
  if (!directory.valid()) return ErrnoError(errno, "open directory", path);
  // Some file systems have no fsync for directories; their rename is then as durable as it gets.
  if (fsync(directory.get()) != 0 && errno != EINVAL) return ErrnoError(errno, "sync", path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, uint64_t max_bytes) {
  const Descriptor file(OpenRetrying(path, O_RDONLY));
  if (!file.valid()) return ErrnoError(errno, "open", path);
  return ReadAll(file.get(), path, max_bytes);
}

absl::StatusOr<std::string> ReadStdin(uint64_t max_bytes) {
  return ReadAll(STDIN_FILENO, "standard input", max_bytes);
}

absl::Status WriteFileAtomic(const std::string& path, std::string_view contents) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(file.Append(contents));
  return file.Commit();
}

absl::Status MakeDirs(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrorOf(error, "make directory", path);
  if (!IsDirectory(path)) return ErrnoError(ENOTDIR, "make directory", path);
  return absl::OkStatus();
}

bool FileExists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

bool IsDirectory(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

absl::StatusOr<uint64_t> FileSize(const std::string& path) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error) return ErrorOf(error, "get the size of", path);
  return size;
}

absl::StatusOr<std::vector<std::string>> ListDir(const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator entry(path, error);
  std::vector<std::string> names;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) return ErrorOf(error, "list", path);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return ErrnoError(errno, "remove", path);
  return absl::OkStatus();
}

absl::Status RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return ErrorOf(error, "remove", path);
  return absl::OkStatus();
}

absl::StatusOr<std::string> MakeTempDir(std::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string pattern = JoinPath(base != nullptr && *base != '\0' ? base : "/tmp", prefix);
  pattern += "XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) return ErrnoError(errno, "make directory", pattern);
  return pattern;
}

std::string JoinPath(std::string_view a, std::string_view b) {
  if (a.empty() || (!b.empty() && b.front() == '/')) return std::string(b);
  if (b.empty()) return std::string(a);
  return fmt::format("{}{}{}", a, a.back() == '/' ? "" : "/", b);
}

std::string DirName(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

std::string BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

AtomicFile::AtomicFile(std::string path, std::string temp_path, int fd)
    : path_(std::move(path)), temp_path_(std::move(temp_path)), fd_(fd) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temp_path_(std::exchange(other.temp_path_, {})),
      fd_(std::exchange(other.fd_, -1)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    Abandon();
    path_ = std::move(other.path_);
    temp_path_ = std::exchange(other.temp_path_, {});
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

AtomicFile::~AtomicFile() { Abandon(); }

void AtomicFile::Abandon() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  if (!temp_path_.empty()) unlink(std::exchange(temp_path_, {}).c_str());
}

// Where `path` leads through symbolic links, the last of which may lead to nothing yet.
static absl::StatusOr<std::string> FollowLinks(std::string path) {
  constexpr int kMostLinks = 40;  // as the kernel's
  for (int i = 0; i < kMostLinks; ++i) {
    std::error_code error;
    const auto target = std::filesystem::read_symlink(path, error);
    if (error) return path;  // no link
    path = JoinPath(DirName(path), target.string());
  }
  return ErrnoError(ELOOP, "write", path);
}

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& given) {
  ASSIGN_OR_RETURN(const std::string path, FollowLinks(given));
  struct stat old{};
  const bool exists = stat(path.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) return ErrnoError(EISDIR, "write", path);
  if (exists && !S_ISREG(old.st_mode)) {
    // A device or a pipe is written to; renaming over it would destroy it.
    const int fd = OpenRetrying(path, O_WRONLY);
    if (fd < 0) return ErrnoError(errno, "write", path);
    return AtomicFile(path, "", fd);
  }
  // Not mkstemp: the final file gets the permissions that the umask gives, not 0600.
  std::string temp_path = fmt::format("{}.tmp.{:016x}", path, SystemRandom().NextU64());
  const int fd = OpenRetrying(temp_path, O_WRONLY | O_CREAT | O_EXCL, 0666);
  if (fd < 0) return ErrnoError(errno, "write", path);
  // What was readable by its owner alone stays so.
  if (exists) (void)fchmod(fd, old.st_mode & 07777);
  return AtomicFile(path, std::move(temp_path), fd);
}

absl::Status AtomicFile::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError(errno, "write", path_);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::Commit() {
  if (temp_path_.empty()) {  // a device or a pipe
    if (close(std::exchange(fd_, -1)) != 0) return ErrnoError(errno, "write", path_);
    return absl::OkStatus();
  }
  if (fsync(fd_) != 0) return ErrnoError(errno, "sync", path_);
  if (close(std::exchange(fd_, -1)) != 0) return ErrnoError(errno, "write", path_);
  if (rename(temp_path_.c_str(), path_.c_str()) != 0) return ErrnoError(errno, "write", path_);
  temp_path_.clear();
  return SyncDirectory(DirName(path_));
}

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& path) {
  const Descriptor file(OpenRetrying(path, O_RDONLY));
  if (!file.valid()) return ErrnoError(errno, "open", path);
  struct stat info{};
  if (fstat(file.get(), &info) != 0) return ErrnoError(errno, "read", path);
  if (S_ISDIR(info.st_mode)) return ErrnoError(EISDIR, "read", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(fmt::format("{} is not a regular file", path));
  }
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return MappedFile(nullptr, 0);  // mmap refuses empty files
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) return ErrnoError(errno, "map", path);
  return MappedFile(data, size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace graphkiln
