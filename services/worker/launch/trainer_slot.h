// State of one trainer, shared by its handle (any thread) and the pool's loop. Private to the pool.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "graphkiln/trainer/v1/trainer.pb.h"
#include "services/worker/launch/fd.h"
#include "services/worker/launch/frame.h"
#include "services/worker/launch/log_tail.h"
#include "services/worker/launch/trainer_pool.h"

namespace graphkiln::worker::internal {

/// Makes the loop's poll return. Thread-safe.
struct PoolWaker {
  Fd event;
  void Wake() const;
  void Clear() const;
};

struct TrainerSlot {
  TrainerSlot(uint64_t id, std::shared_ptr<TrainerObserver> observer);

  /// Makes the socket pair and the log pipe; `open_status` tells. Called once, before all else.
  void Open();

  // Any thread.
  absl::Status Send(const trainer::v1::TrainerCommand& command);
  void Signal(int signal);

  // The loop's thread only.
  /// The descriptors that the child gets; closed by CloseChildEnds once they are on their way.
  const Fd& child_socket() const { return child_socket_; }
  const Fd& child_log() const { return child_log_; }
  void CloseChildEnds();
  void Forked(pid_t pid);
  /// Moves bytes in both directions and calls the observer. True when the socket has ended.
  bool Pump(bool socket_ready, bool log_ready);
  /// Hands out the rest of output and OnExit. The slot is done then.
  void End(TrainerExit exit);
  bool wants_write() const;
  int poll_socket() const { return socket_open_ ? socket_.get() : -1; }
  int poll_log() const { return log_open_ ? log_.get() : -1; }

  const uint64_t id;
  absl::Status open_status;
  /// Parent that it was asked of; 0 while it waits for a parent.
  uint64_t parent_generation = 0;
  /// When a trainer that has closed its socket is killed.
  absl::Duration kill_at = absl::InfiniteDuration();

 private:
  absl::Status MakeChannels();
  void ReadReports();
  /// REQUIRES: mu_ is held.
  void SignalLocked(int signal);

  const std::shared_ptr<TrainerObserver> observer_;
  Fd socket_;
  Fd child_socket_;
  Fd child_log_;
  Fd log_;
  bool socket_open_ = true;
  bool log_open_ = true;
  std::string error_;
  FrameReader reader_;
  LogTail tail_;

  mutable std::mutex mu_;  // guards all below, and socket_ against being closed while it is used
  FrameWriter writer_;
  bool gone_ = false;
  Fd pidfd_;
  pid_t pid_ = 0;
  int pending_signal_ = 0;
};

}  // namespace graphkiln::worker::internal
