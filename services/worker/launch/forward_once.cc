#include "services/worker/launch/forward_once.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "fmt/format.h"
#include "services/worker/launch/frame.h"
#include "services/worker/launch/log_tail.h"
#include "services/worker/launch/process.h"

namespace graphkiln::worker {
namespace {

int PollMillis(absl::Duration left) {
  // At least one, so that rounding down never spins; at most a minute, so that it fits.
  return static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(left) + 1, 1, 60'000));
}

/// A started trainer that is killed and reaped at the latest when this goes out of scope.
class OwnedTrainer {
 public:
  explicit OwnedTrainer(TrainerProcess process) : process_(std::move(process)) {}
  ~OwnedTrainer() { End(); }
  OwnedTrainer(const OwnedTrainer&) = delete;
  OwnedTrainer& operator=(const OwnedTrainer&) = delete;

  int socket() const { return process_.socket.get(); }
  int log() const { return process_.log.get(); }

  /// A process that is ending already (its socket is closed) keeps the status that it ends with.
  TrainerExit End() {
    TrainerExit exit;
    if (process_.pid > 0) {
      ::kill(process_.pid, SIGKILL);
      ReapProcess(process_.pid, &exit);
      process_.pid = 0;
    }
    return exit;
  }

 private:
  TrainerProcess process_;
};

}  // namespace

absl::StatusOr<trainer::v1::Finished> RunForwardOnce(const trainer::v1::RunForward& request,
                                                     absl::Duration timeout, Clock& clock) {
  const absl::Duration deadline = clock.Monotonic() + timeout;
  ASSIGN_OR_RETURN(const std::string program, FindTrainerProgram());
  ASSIGN_OR_RETURN(TrainerProcess process,
                   StartTrainerProgram(program, "--single", /*own_group=*/false));
  OwnedTrainer trainer(std::move(process));

  trainer::v1::TrainerCommand command;
  *command.mutable_forward() = request;
  FrameWriter writer;
  RETURN_IF_ERROR(writer.Queue(command));
  FrameReader reader;
  LogTail log;
  absl::Status writing;
  while (true) {
    if (writing.ok()) {
      writing = writer.Flush(trainer.socket());
    }
    const absl::Duration left = deadline - clock.Monotonic();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          fmt::format("the forward took longer than {}", absl::FormatDuration(timeout)));
    }
    const bool want_write = writing.ok() && writer.pending();
    pollfd entries[2] = {
        {trainer.socket(), static_cast<short>(POLLIN | (want_write ? POLLOUT : 0)), 0},
        {trainer.log(), POLLIN, 0}};
    ::poll(entries, 2, PollMillis(left));

    log.ReadAvailable(trainer.log());
    std::vector<std::string> frames;
    const absl::Status reading = reader.ReadAvailable(trainer.socket(), &frames);
    for (const std::string& frame : frames) {
      trainer::v1::TrainerReport report;
      if (!report.ParseFromString(frame)) {
        return absl::AbortedError("the trainer sent a message that cannot be read");
      }
      if (report.has_finished()) {
        return std::move(*report.mutable_finished());
      }
    }
    if (!reading.ok()) {
      const TrainerExit exit = trainer.End();
      log.ReadAvailable(trainer.log());
      const std::string last = log.LastLine();
      return absl::AbortedError(fmt::format("the trainer ended with {} before a result{}{}",
                                            DescribeExit(exit.exit_code, exit.signal),
                                            last.empty() ? "" : ": ", last));
    }
  }
}

}  // namespace graphkiln::worker
