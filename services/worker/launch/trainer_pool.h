// Trainers on demand: one warm parent process with LibTorch loaded, forked once per job.
//
// Used by the worker daemon. The pool owns one thread, which starts the parent (so that the
// parent's death signal follows that thread), moves all bytes of all sockets and log pipes, and
// calls the observers. When the parent dies, its trainers die with it; each observer hears so, and
// a new parent is started, with growing pauses while parents die before they are ready.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "graphkiln/trainer/v1/trainer.pb.h"
#include "services/worker/launch/process.h"

namespace graphkiln::worker {

/// Hears of one trainer. All calls come from the pool's thread, in order, and must not block.
class TrainerObserver {
 public:
  virtual ~TrainerObserver() = default;
  /// The process exists. Not called when it never came to be.
  virtual void OnForked(pid_t pid) = 0;
  virtual void OnReport(trainer::v1::TrainerReport report) = 0;
  /// A line that the trainer wrote to its standard output or error.
  virtual void OnLogLine(std::string_view line) = 0;
  /// The last call; everything that the trainer sent has been handed out before.
  virtual void OnExit(const TrainerExit& exit) = 0;
};

namespace internal {
struct TrainerSlot;
struct PoolWaker;
}  // namespace internal

/// One trainer. Thread-safe. Destroyed while the trainer lives, it kills it; the observer is called
/// until OnExit all the same.
class Trainer {
 public:
  Trainer(std::shared_ptr<internal::TrainerSlot> slot, std::shared_ptr<internal::PoolWaker> waker);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Queues a command; it may be called before the process exists. Errors: InvalidArgument (too
  /// large), Unavailable (the trainer is gone).
  absl::Status Send(const trainer::v1::TrainerCommand& command);
  /// Sends a signal, now or as soon as the process exists; nothing when it is gone.
  void Signal(int signal);

 private:
  std::shared_ptr<internal::TrainerSlot> slot_;
  std::shared_ptr<internal::PoolWaker> waker_;
};

class TrainerPool {
 public:
  struct Options {
    /// Path of the trainer program; empty means FindTrainerProgram().
    std::string program;
    /// First pause after a parent that died before it was ready; doubles up to the second.
    absl::Duration restart_pause = absl::Seconds(1);
    absl::Duration max_restart_pause = absl::Seconds(30);
    /// A trainer that has closed its socket and lives on is killed after this.
    absl::Duration linger = absl::Seconds(5);
  };

  /// `on_parent_change` is called from the pool's thread when `state()` changes.
  TrainerPool(Options options, Clock& clock, std::function<void()> on_parent_change = nullptr);
  /// Kills all trainers and the parent.
  ~TrainerPool();
  TrainerPool(const TrainerPool&) = delete;
  TrainerPool& operator=(const TrainerPool&) = delete;

  struct ParentState {
    bool ready = false;
    std::string torch_version;
    pid_t pid = 0;
    /// Why it is not ready; empty while it starts for the first time.
    std::string error;
  };
  ParentState state() const;
  /// Waits until the parent is ready; false after `timeout`.
  bool WaitReady(absl::Duration timeout) const;

  /// Starts a trainer; returns at once. A failure is heard by OnExit (`parent_died` with `error`).
  std::unique_ptr<Trainer> Launch(std::shared_ptr<TrainerObserver> observer);

 private:
  class Loop;

  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

}  // namespace graphkiln::worker
