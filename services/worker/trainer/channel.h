// The trainer's socket to the daemon (or `kiln run`): commands in, reports out, neither of which
// ever makes a training step wait.
//
// Events gather in one batch that is handed to the socket at once for the first step, then every 50
// ms. When the other side does not read, the batch grows to a bound; beyond it step events are left
// out and counted, and one gap event tells how many. Not thread-safe; used by the one thread that
// trains.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "services/worker/launch/fd.h"
#include "services/worker/launch/frame.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

/// What the other side wishes, gathered over all commands so far; a wish is never taken back.
struct Wishes {
  bool cancel = false;        // also when the other side is gone
  bool release = false;       // write a checkpoint and end
  bool finish_early = false;  // evaluate, export and end
  bool any() const { return cancel || release || finish_early; }
};

class Channel {
 public:
  static constexpr absl::Duration kFlushEvery = absl::Milliseconds(50);
  /// Step events that wait at most.
  static constexpr int kMaxWaiting = 100'000;

  Channel(worker::Fd socket, Clock& clock);

  /// Blocks for the first command.
  absl::StatusOr<v1::TrainerCommand> ReadCommand();

  /// Takes the commands that have arrived, removes the files of committed checkpoints, and passes
  /// due events on. Call between steps.
  const Wishes& Poll();
  const Wishes& wishes() const { return wishes_; }
  /// Checkpoints announced and not yet answered.
  int uncommitted() const { return static_cast<int>(announced_.size()); }

  void EmitStep(int64_t step, int64_t epoch, double loss, double rate);
  void Emit(api::Event event);
  void Log(std::string_view level, std::string message);
  void SendStarted(int64_t total_steps, int64_t first_step);
  void SendCheckpoint(const v1::CheckpointWritten& checkpoint);
  /// Blocks until all of it is written.
  absl::Status SendFinished(const v1::Finished& finished);

 private:
  api::Event* AddEvent();
  void Flush();
  void Send(const v1::TrainerReport& report);
  void FlushIfDue();
  void Obey(const v1::TrainerCommand& command);

  worker::Fd socket_;
  Clock& clock_;
  worker::FrameReader reader_;
  worker::FrameWriter writer_;
  std::vector<std::string> frames_;
  v1::TrainerReport batch_;
  std::vector<std::string> announced_;
  Wishes wishes_;
  bool broken_ = false;
  bool urgent_ = true;  // the first step goes out at once
  int64_t left_out_ = 0;
  absl::Duration last_flush_ = absl::ZeroDuration();
};

}  // namespace graphkiln::trainer
