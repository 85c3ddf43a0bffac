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
    entry.state = Entry::State::kReady;
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
    const auto [it, is_new] = entries_.try_emplace(sha256);
    if (it->second.state == Entry::State::kReady) {
      ++it->second.pins;
      it->second.last_use = ++uses_;
      return Pin(this, sha256);
    }
    if (is_new) {
      break;  // ours to load
    }
    // Another job loads it; when it fails, the entry is gone and one of the waiting tries. A
    // bounded wait, as the cancellation may fire between the check above and here.
    loaded_.wait_for(lock, absl::ToChronoMilliseconds(absl::Milliseconds(100)));
  }
  lock.unlock();
  const absl::StatusOr<uint64_t> size = Fetch(sha256, cancellation);
  lock.lock();
  loaded_.notify_all();
  if (!size.ok()) {
    entries_.erase(sha256);
    return size.status();
  }
  Entry& entry = entries_[sha256];
  entry.state = Entry::State::kReady;
  entry.bytes = *size;
  entry.pins = 1;
  entry.last_use = ++uses_;
  bytes_ += *size;
  EvictLocked();
  return Pin(this, sha256);
}

absl::StatusOr<uint64_t> ArtifactCache::Fetch(const std::string& sha256,
                                              Cancellation& cancellation) {
  absl::Duration pause = options_.pause;
  int wrong = 0;
  while (true) {
    absl::StatusOr<uint64_t> size = FetchOnce(sha256, cancellation);
    // A coordinator that is away is waited for: the lease's own timers end that.
    const bool again =
        !size.ok() && (IsTransient(size.status()) ||
                       (absl::IsDataLoss(size.status()) && ++wrong < options_.attempts));
    if (!again) {
      return size;
    }
    KILN_WARN("download of {} failed, trying again: {}", sha256, MessageOf(size.status()));
    if (cancellation.WaitFor(pause)) {
      return absl::CancelledError("the lease is stopped");
    }
    pause = std::min(2 * pause, absl::Seconds(10));
  }
}

absl::StatusOr<uint64_t> ArtifactCache::FetchOnce(const std::string& sha256,
                                                  Cancellation& cancellation) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(PathOf(sha256)));
  Sha256 hash;
  uint64_t size = 0;
  RETURN_IF_ERROR(api_.Download(
      sha256, 0,
      [&](std::string_view bytes) {
        hash.Update(bytes);
        size += bytes.size();
        return file.Append(bytes);
      },
      cancellation));
  if (hash.HexDigest() != sha256) {
    return absl::DataLossError(fmt::format("artifact {} arrived with another digest", sha256));
  }
  RETURN_IF_ERROR(file.Commit());
  return size;
}

void ArtifactCache::EvictLocked() {
  while (bytes_ > options_.max_bytes) {
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      const Entry& entry = it->second;
      if (entry.state == Entry::State::kReady && entry.pins == 0 &&
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
