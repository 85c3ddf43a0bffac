// One lease from its acceptance to the answer of the coordinator: fetches what the job needs, runs
// the trainer, uploads and commits checkpoints, describes the end and hands it over, however long
// the coordinator is away. One thread each; the supervisor's calls come from other threads and
// never block.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "services/worker/daemon/artifact_cache.h"
#include "services/worker/daemon/coordinator_api.h"
#include "services/worker/daemon/event_sink.h"
#include "services/worker/daemon/inventory.h"
#include "services/worker/daemon/lease_end.h"
#include "services/worker/daemon/lease_folder.h"
#include "services/worker/launch/trainer_pool.h"

namespace graphkiln::worker {

/// Hears how a lease goes. Called from the runner's or the pool's thread; must not block.
class LeaseListener {
 public:
  virtual ~LeaseListener() = default;
  virtual void OnTrainerStarted(const LeaseId& id) = 0;
  virtual void OnStep(const LeaseId& id, int64_t step) = 0;
  /// The trainer is gone; its slot is free.
  virtual void OnEnded(const LeaseId& id) = 0;
  /// A write was refused because the lease is closed; OnClosed follows.
  virtual void OnFenced(const LeaseId& id) = 0;
  /// The coordinator has the result or does not want it; the runner's thread is about to end.
  virtual void OnClosed(const LeaseId& id) = 0;
};

/// Collects what the pool says about one trainer, for the runner's thread.
class TrainerMailbox;

class LeaseRunner {
 public:
  struct Services {
    CoordinatorApi& api;
    ArtifactCache& cache;
    TrainerPool& pool;
    EventSink& events;
    LeaseListener& listener;
    const HostFacts& host;
    Clock& clock;
    RandomSource& random;
    /// Holds the folders of all leases.
    std::string leases_root;
    /// Pauses between attempts to reach the coordinator.
    absl::Duration first_pause = absl::Milliseconds(500);
    absl::Duration longest_pause = absl::Seconds(10);
    /// How long the end waits for the last events to become durable.
    absl::Duration flush_timeout = absl::Seconds(10);
    /// A trainer that has said its end and lives on is killed after this.
    absl::Duration exit_timeout = absl::Seconds(5);
  };

  /// Runs a new lease.
  LeaseRunner(Services services, LeaseId id, v1::LeaseSpec spec);
  /// Hands over an end that an earlier process left.
  LeaseRunner(Services services, LeaseId id, LeaseFolder folder, PendingEnd end);
  /// Kills the trainer, gives up what is under way and waits for the thread.
  ~LeaseRunner();

  /// Tells the trainer to end in that way, from weak to strong; before it runs, anything but
  /// kFinishEarly ends the lease at once. Repetition has no effect.
  void Stop(StopKind kind);
  /// Sends a signal to the trainer, which is to be stopped in the way of `kind`.
  void Signal(StopKind kind, int signal);
  /// Kills, discards the result and closes.
  void Fence();

 private:
  void Run(v1::LeaseSpec spec);
  absl::StatusOr<trainer::v1::StartTraining> Prepare(const v1::LeaseSpec& spec);
  /// A failure that is called the user's, but whose files were changed or removed meanwhile, is the
  /// worker's: the job is tried again with fresh ones.
  void BlameCache(v1::FinishLeaseRequest* finish) const;
  PendingEnd RunTrainer(const trainer::v1::StartTraining& start);
  void HandleCheckpoint(const trainer::v1::CheckpointWritten& written);
  absl::Status StoreCheckpoint(const trainer::v1::CheckpointWritten& written);
  /// Stores what is unstored, the best one first; the first error.
  absl::Status StoreUnstored();
  void ReleaseCheckpoint(const std::string& path);
  PendingEnd MakeEnd(const TrainerEnd& end);
  void HandOver(PendingEnd end);
  absl::Status HandOverFiles(const PendingEnd& end);
  absl::Status UploadResults(const v1::FinishLeaseRequest& finish);
  /// Tells the listener; the folder stays where the result was not handed over.
  void Close(bool settled);
  /// Repeats `call` while the coordinator is away or cannot store; ends at once where it is
  /// refused. Any other error is tried again for a minute or so, or, with `endless`, for ever.
  absl::Status Persist(const char* what, bool endless, const std::function<absl::Status()>& call);
  /// REQUIRES: mu_ is held. True when it is stronger than what was asked for before.
  bool RaiseStop(StopKind kind);
  void Log(const char* level, std::string message);
  StopKind stop() const;

  const Services services_;
  const LeaseId id_;
  std::optional<LeaseFolder> folder_;
  std::vector<ArtifactCache::Pin> pins_;
  std::shared_ptr<TrainerMailbox> mailbox_;
  /// Checkpoints that could not be stored yet: the best one, which only a better one replaces, and
  /// the newest, where that is another.
  std::optional<trainer::v1::CheckpointWritten> unstored_best_;
  std::optional<trainer::v1::CheckpointWritten> unstored_;
  int64_t out_of_memory_kills_ = 0;

  /// Fires on a fence and on destruction: all work for the lease ends.
  Cancellation abandon_;
  /// Fires on these and on any stop but kFinishEarly: ends fetching.
  Cancellation prepare_;
  /// Fires on these and on kCancel: ends uploads of checkpoints.
  Cancellation uploads_;

  mutable std::mutex mu_;  // guards the next three
  StopKind stop_ = StopKind::kNone;
  bool signalled_ = false;
  std::unique_ptr<Trainer> trainer_;

  std::thread thread_;
};

}  // namespace graphkiln::worker
