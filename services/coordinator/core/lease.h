// One grant of one job to one incarnation of one worker.
//
//   kOffered -> {kActive, kRejected, kRevoked, kExpired}
//   kActive  -> {kCompleted, kFailed, kReleased, kRevoked, kExpired}
//
// All others are bugs; terminal states absorb (I4). Thread-compatible; the queue's lock guards it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace graphkiln::coordinator {

class Lease {
 public:
  enum class State {
    kOffered,    // asked for; not echoed yet
    kActive,     // the worker has it
    kCompleted,  // the job succeeded
    kFailed,     // the job or the machine failed
    kReleased,   // given back as ordered (pause, drain)
    kRevoked,    // taken back (cancel, withdrawn offer, disobedience)
    kExpired,    // the worker fell silent or lost it
    kRejected,   // the worker refused the offer
  };

  Lease(int64_t epoch, std::string worker, std::string incarnation, absl::Duration offered_at)
      : epoch_(epoch),
        worker_(std::move(worker)),
        incarnation_(std::move(incarnation)),
        offered_at_(offered_at) {}

  static bool IsLegal(State from, State to);
  static std::string_view Name(State state);

  State state() const { return state_; }
  bool open() const { return state_ == State::kOffered || state_ == State::kActive; }
  int64_t epoch() const { return epoch_; }
  const std::string& worker() const { return worker_; }
  const std::string& incarnation() const { return incarnation_; }
  absl::Duration offered_at() const { return offered_at_; }
  absl::Duration active_at() const { return active_at_; }

  /// False (and a reported bug) when the transition is not legal; the state then stays.
  bool TransitionTo(State to, absl::Duration now);

  /// The lease's row is durable: only then may the offer leave the process (I2).
  bool durable() const { return durable_; }
  void set_durable(absl::Duration at) {
    durable_ = true;
    durable_at_ = at;
  }
  absl::Duration durable_at() const { return durable_at_; }

  /// A report of the worker has shown the lease; one that no longer shows it has lost it.
  bool reported() const { return reported_; }
  /// The worker's last report says that the run has ended; FinishLease is under way.
  bool ending() const { return ending_; }
  void set_reported(bool ending) {
    reported_ = true;
    ending_ = ending;
  }

  /// Highest event number accepted, and the highest durable one.
  uint64_t accepted_seq() const { return accepted_seq_; }
  uint64_t durable_seq() const { return durable_seq_; }
  void set_accepted_seq(uint64_t seq) { accepted_seq_ = seq; }
  void set_durable_seq(uint64_t seq) { durable_seq_ = seq; }

 private:
  State state_ = State::kOffered;
  int64_t epoch_;
  std::string worker_;
  std::string incarnation_;
  absl::Duration offered_at_;
  absl::Duration active_at_ = absl::ZeroDuration();
  absl::Duration durable_at_ = absl::ZeroDuration();
  bool durable_ = false;
  bool reported_ = false;
  bool ending_ = false;
  uint64_t accepted_seq_ = 0;
  uint64_t durable_seq_ = 0;
};

}  // namespace graphkiln::coordinator
