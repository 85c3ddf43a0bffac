#include "services/coordinator/rpc/housekeeping.h"

#include "common/base/log.h"
#include "common/base/status.h"

namespace graphkiln::coordinator {
namespace {

constexpr size_t kPage = 1'000;

absl::StatusOr<bool> RemoveUnused(Services& services, const std::string& sha256) {
  return services.artifacts->RemoveUnused(sha256, [&]() -> absl::StatusOr<bool> {
    if (services.queue->UsesArtifact(sha256)) return true;
    return services.store->DatasetUses(sha256);
  });
}

}  // namespace

void RemoveReleased(Services& services, const std::vector<std::string>& released) {
  for (const std::string& sha256 : released) {
    const absl::StatusOr<bool> removed = RemoveUnused(services, sha256);
    if (!removed.ok()) KILN_WARN("artifact {} stays: {}", sha256, MessageOf(removed.status()));
  }
}

absl::StatusOr<int64_t> SweepArtifacts(Services& services, absl::Time before) {
  int64_t count = 0;
  std::string after;
  do {
    ASSIGN_OR_RETURN(ArtifactPage page, services.artifacts->List(after, kPage));
    for (const ArtifactInfo& info : page.items) {
      if (info.modified >= before) continue;
      ASSIGN_OR_RETURN(const bool removed, RemoveUnused(services, info.sha256));
      if (removed) ++count;
    }
    after = std::move(page.next_after);
  } while (!after.empty());
  return count;
}

Housekeeping::Housekeeping(Services& services, Options options) : services_(services) {
  Arm(services, options, state_);
}

Housekeeping::~Housekeeping() {
  std::lock_guard lock(state_->mu);
  state_->stopped = true;
  services_.alarms->Cancel(state_->alarm);
}

void Housekeeping::Arm(Services& services, const Options& options,
                       const std::shared_ptr<State>& state) {
  std::lock_guard lock(state->mu);
  if (state->stopped) return;
  state->alarm = services.alarms->In(options.interval, [&services, options, state] {
    services.executor->Post([&services, options, state] {
      services.queue->PurgeRequestIds();
      const absl::StatusOr<int64_t> swept =
          SweepArtifacts(services, services.clock->Now() - options.upload_grace);
      if (!swept.ok()) KILN_WARN("unused files stay: {}", MessageOf(swept.status()));
      if (swept.ok() && *swept > 0) KILN_INFO("removed {} files that nobody uses", *swept);
    });
    Arm(services, options, state);
  });
}

}  // namespace graphkiln::coordinator
