#include "services/worker/daemon/artifact_cache.h"

#include <algorithm>
#include <utility>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::worker {
namespace {

bool IsDigest(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

ArtifactCache::Pin& ArtifactCache::Pin::operator=(Pin&& other) noexcept {
  if (this != &other) {
    Release();
    cache_ = std::exchange(other.cache_, nullptr);
    sha256_ = std::move(other.sha256_);
    stamp_ = other.stamp_;
  }
  return *this;
}

void ArtifactCache::Pin::Release() {
  if (cache_ != nullptr) {
    std::exchange(cache_, nullptr)->Unpin(sha256_);
  }
}

std::string ArtifactCache::Pin::path() const {
  return cache_ == nullptr ? "" : cache_->PathOf(sha256_);
}

bool ArtifactCache::Pin::Sound() const {
  const absl::StatusOr<FileStamp> now = StampOf(path());
  return now.ok() && *now == stamp_;
}

ArtifactCache::ArtifactCache(Options options, CoordinatorApi& api)
    : options_(std::move(options)), api_(api) {}

absl::StatusOr<std::unique_ptr<ArtifactCache>> ArtifactCache::Open(Options options,
                                                                   CoordinatorApi& api) {
  RETURN_IF_ERROR(MakeDirs(options.folder));
  std::unique_ptr<ArtifactCache> cache(new ArtifactCache(std::move(options), api));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(cache->options_.folder));
  for (const std::string& name : names) {
    const std::string path = JoinPath(cache->options_.folder, name);
    const absl::StatusOr<uint64_t> size = FileSize(path);
    if (!IsDigest(name) || !size.ok()) {
      // A transfer that was cut off.
      RemoveFile(path).IgnoreError();
      continue;
    }
    Entry entry;
    entry.bytes = *size;
    cache->entries_.emplace(name, entry);
    cache->bytes_ += *size;
  }
  std::lock_guard lock(cache->mu_);
  cache->EvictLocked();
  return cache;
}

std::string ArtifactCache::PathOf(const std::string& sha256) const {
  return JoinPath(options_.folder, sha256);
}

uint64_t ArtifactCache::bytes() const {
  std::lock_guard lock(mu_);
  return bytes_;
}

absl::StatusOr<ArtifactCache::Pin> ArtifactCache::Get(const std::string& sha256,
                                                      Cancellation& cancellation) {
  if (!IsDigest(sha256)) {
    return absl::InvalidArgumentError(
        fmt::format("{} is not a SHA-256 digest", QuoteForMessage(sha256)));
  }
  Cancellation::Hook wake(cancellation, [this] { loaded_.notify_all(); });
  std::unique_lock lock(mu_);
  while (true) {
    if (cancellation.cancelled()) {
      return absl::CancelledError("the lease is stopped");
    }
    Entry& entry = entries_[sha256];
    if (entry.state == Entry::State::kReady) {
      const absl::StatusOr<FileStamp> now = StampOf(PathOf(sha256));
      if (now.ok() && *now == entry.stamp) {
        ++entry.pins;
        entry.last_use = ++uses_;
        return Pin(this, sha256, entry.stamp);
      }
    }
    if (entry.state != Entry::State::kLoading) {
      entry.state = Entry::State::kLoading;  // ours to load
      bytes_ -= entry.bytes;
      entry.bytes = 0;
      break;
    }
    // Another job loads it; when it fails, one of the waiting tries. A bounded wait, as the
    // cancellation may fire between the check above and here.
    loaded_.wait_for(lock, absl::ToChronoMilliseconds(absl::Milliseconds(100)));
  }
  lock.unlock();
  const absl::StatusOr<FileStamp> stamp = Load(sha256, cancellation);
  lock.lock();
  loaded_.notify_all();
  Entry& entry = entries_[sha256];
  if (!stamp.ok()) {
    entry.state = Entry::State::kUnchecked;
    if (entry.pins == 0) {
      entries_.erase(sha256);
    }
    return stamp.status();
  }
  entry.state = Entry::State::kReady;
  entry.bytes = stamp->bytes;
  entry.stamp = *stamp;
  ++entry.pins;
  entry.last_use = ++uses_;
  bytes_ += entry.bytes;
  EvictLocked();
  return Pin(this, sha256, *stamp);
}

absl::StatusOr<FileStamp> ArtifactCache::Load(const std::string& sha256,
                                              Cancellation& cancellation) {
  const std::string path = PathOf(sha256);
  // Taken before the bytes are read, so that a change while they are read is not missed later.
  absl::StatusOr<FileStamp> stamp = StampOf(path);
  if (stamp.ok()) {
    const absl::StatusOr<std::string> found = FileSha256(path);
    if (found.ok() && *found == sha256) {
      return stamp;
    }
    KILN_WARN("the cached file {} is damaged{}; it is fetched again", path,
              found.ok() ? "" : fmt::format(" ({})", MessageOf(found.status())));
    RETURN_IF_ERROR(RemoveFile(path));
  }
  RETURN_IF_ERROR(Fetch(sha256, cancellation));
  stamp = StampOf(path);
  if (!stamp.ok()) {
    return absl::DataLossError(fmt::format("the cached file {} went as soon as it had come", path));
  }
  return stamp;
}

absl::Status ArtifactCache::Fetch(const std::string& sha256, Cancellation& cancellation) {
  absl::Duration pause = options_.pause;
  int wrong = 0;
  while (true) {
    const absl::Status status = FetchOnce(sha256, cancellation);
    // A coordinator that is away is waited for: the lease's own timers end that.
    const bool again =
        IsTransient(status) || (absl::IsDataLoss(status) && ++wrong < options_.attempts);
    if (!again) {
      return status;
    }
    KILN_WARN("download of {} failed, trying again: {}", sha256, MessageOf(status));
    if (cancellation.WaitFor(pause)) {
      return absl::CancelledError("the lease is stopped");
    }
    pause = std::min(2 * pause, absl::Seconds(10));
  }
}

absl::Status ArtifactCache::FetchOnce(const std::string& sha256, Cancellation& cancellation) {
  RETURN_IF_ERROR(MakeDirs(options_.folder));  // whoever emptied the cache may have removed it too
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(PathOf(sha256)));
  Sha256 hash;
  RETURN_IF_ERROR(api_.Download(
      sha256, 0,
      [&](std::string_view bytes) {
        hash.Update(bytes);
        return file.Append(bytes);
      },
      cancellation));
  if (hash.HexDigest() != sha256) {
    return absl::DataLossError(fmt::format("artifact {} arrived with another digest", sha256));
  }
  return file.Commit();
}

void ArtifactCache::EvictLocked() {
  while (bytes_ > options_.max_bytes) {
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      const Entry& entry = it->second;
      if (entry.state != Entry::State::kLoading && entry.pins == 0 &&
          (oldest == entries_.end() || entry.last_use < oldest->second.last_use)) {
        oldest = it;
      }
    }
    if (oldest == entries_.end()) {
      return;  // all in use
    }
    RemoveFile(PathOf(oldest->first)).IgnoreError();
    bytes_ -= oldest->second.bytes;
    entries_.erase(oldest);
  }
}

void ArtifactCache::Unpin(const std::string& sha256) {
  std::lock_guard lock(mu_);
  if (const auto it = entries_.find(sha256); it != entries_.end()) {
    --it->second.pins;
  }
  EvictLocked();
}

}  // namespace graphkiln::worker
