// The worker daemon as one object: state folder, trainers, streams, supervisor, and the order in
// which they start and stop. main.cc gives it options and signals; tests drive it against a real
// coordinator.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/base/random.h"

namespace graphkiln::worker {

struct DaemonOptions {
  std::string coordinator;  // HOST:PORT
  std::string state_dir;
  std::string name;              // empty: made from the host's name and kept in the state folder
  std::string token;             // empty: none
  std::string ca;                // PEM of who vouches for the coordinator; empty: no TLS
  std::string certificate, key;  // PEM of this worker, with `ca`; empty: it shows none
  int slots = 0;                 // 0: one per core
  uint64_t cache_bytes = 20ull << 30;
  absl::Duration grace = absl::Seconds(30);
  absl::Duration drain_deadline = absl::Seconds(30);
  absl::Duration detached_limit = absl::Minutes(10);
};

class Daemon {
 public:
  /// Locks the state folder, starts the trainers' parent and connects. Errors: FailedPrecondition
  /// when another daemon uses the folder, InvalidArgument for a bad name. `on_ready` is called
  /// once, when the coordinator has accepted a report of a worker that can train; `on_superseded`
  /// when a newer process has taken the name.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(DaemonOptions options, Clock& clock,
                                                       RandomSource& random,
                                                       std::function<void()> on_ready,
                                                       std::function<void()> on_superseded);
  /// Kills whatever still runs.
  ~Daemon();

  /// The bare name.
  const std::string& name() const;
  /// Takes nothing new; jobs that still run at the drain deadline write a checkpoint and are given
  /// back. Returns at once.
  void Drain();
  /// Waits until a drained daemon has nothing left to do, or cannot do it now: true when it is time
  /// to exit, false after `timeout`.
  bool WaitDrained(absl::Duration timeout);

 private:
  struct Parts;
  explicit Daemon(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace graphkiln::worker
