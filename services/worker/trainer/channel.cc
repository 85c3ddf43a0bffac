#include "services/worker/trainer/channel.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace graphkiln::trainer {

Channel::Channel(worker::Fd socket, Clock& clock)
    : socket_(std::move(socket)), clock_(clock), last_flush_(clock.Monotonic()) {}

absl::StatusOr<v1::TrainerCommand> Channel::ReadCommand() {
  v1::TrainerCommand command;
  RETURN_IF_ERROR(worker::ReadMessage(socket_.get(), &command));
  return command;
}

const Wishes& Channel::Poll() {
  if (!broken_) {
    const absl::Status status = reader_.ReadAvailable(socket_.get(), &frames_);
    for (const std::string& frame : frames_) {
      v1::TrainerCommand command;
      if (command.ParseFromString(frame)) {
        Obey(command);
      } else {
        KILN_ERROR("a command is malformed and ignored");
      }
    }
    frames_.clear();
    if (!status.ok()) {
      // Nobody is left to train for: the daemon's successor starts from the last committed
      // checkpoint.
      KILN_WARN("the connection to the daemon has ended: {}", MessageOf(status));
      broken_ = true;
      wishes_.cancel = true;
    }
  }
  FlushIfDue();
  return wishes_;
}

void Channel::Obey(const v1::TrainerCommand& command) {
  switch (command.kind_case()) {
    case v1::TrainerCommand::kCancel:
      wishes_.cancel = true;
      return;
    case v1::TrainerCommand::kCheckpointAndStop:
      wishes_.release = true;
      return;
    case v1::TrainerCommand::kFinishEarly:
      wishes_.finish_early = true;
      return;
    case v1::TrainerCommand::kCheckpointCommitted: {
      // Only files that this run has announced are removed, whatever the message says.
      const auto found =
          std::find(announced_.begin(), announced_.end(), command.checkpoint_committed().path());
      if (found == announced_.end()) return;
      const absl::Status removed = RemoveFile(*found);
      if (!removed.ok()) KILN_WARN("{}", MessageOf(removed));
      announced_.erase(found);
      return;
    }
    default:
      KILN_WARN("a command that does not fit a running job is ignored");
  }
}

api::Event* Channel::AddEvent() {
  api::Event* event = batch_.mutable_events()->add_events();
  const absl::Time now = clock_.Now();
  const int64_t seconds = absl::ToUnixSeconds(now);
  event->mutable_time()->set_seconds(seconds);
  event->mutable_time()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(now - absl::FromUnixSeconds(seconds))));
  return event;
}

void Channel::EmitStep(int64_t step, int64_t epoch, double loss, double rate) {
  if (batch_.events().events_size() >= kMaxWaiting) {
    ++left_out_;
    return;
  }
  api::StepEvent* event = AddEvent()->mutable_step();
  event->set_step(step);
  event->set_epoch(epoch);
  event->set_loss(loss);
  (*event->mutable_values())["lr"] = rate;
  if (urgent_) {
    urgent_ = false;
    Flush();
  }
}

void Channel::Emit(api::Event event) {
  api::Event* added = AddEvent();
  const auto time = added->time();
  *added = std::move(event);
  *added->mutable_time() = time;
}

void Channel::Log(std::string_view level, std::string message) {
  api::Event event;
  event.mutable_log()->set_level(std::string(level));
  event.mutable_log()->set_message(std::move(message));
  Emit(std::move(event));
}

void Channel::FlushIfDue() {
  if (broken_ || (batch_.events().events_size() == 0 && !writer_.pending())) return;
  if (clock_.Monotonic() - last_flush_ < kFlushEvery) return;
  Flush();
}

// While the socket is full, the batch stays here, where it is bounded.
void Channel::Flush() {
  last_flush_ = clock_.Monotonic();
  if (writer_.pending()) {
    const absl::Status status = writer_.Flush(socket_.get());
    if (!status.ok() || writer_.pending()) return;
  }
  if (left_out_ > 0) {
    AddEvent()->mutable_gap()->set_count(std::exchange(left_out_, 0));
  }
  if (batch_.events().events_size() > 0) {
    Send(batch_);
    batch_.Clear();
  }
}

void Channel::Send(const v1::TrainerReport& report) {
  if (broken_) return;
  absl::Status status = writer_.Queue(report);
  if (status.ok()) status = writer_.Flush(socket_.get());
  if (!status.ok()) KILN_WARN("a report could not be sent: {}", MessageOf(status));
}

void Channel::SendStarted(int64_t total_steps, int64_t first_step) {
  v1::TrainerReport report;
  report.mutable_started()->set_total_steps(total_steps);
  report.mutable_started()->set_first_step(first_step);
  Send(report);
}

void Channel::SendCheckpoint(const v1::CheckpointWritten& checkpoint) {
  announced_.push_back(checkpoint.path());
  v1::TrainerReport report;
  *report.mutable_checkpoint() = checkpoint;
  Flush();  // events of the steps before it come first
  Send(report);
}

absl::Status Channel::SendFinished(const v1::Finished& finished) {
  if (broken_) return absl::UnavailableError("the connection to the daemon has ended");
  std::vector<v1::TrainerReport> reports;
  if (left_out_ > 0) AddEvent()->mutable_gap()->set_count(std::exchange(left_out_, 0));
  if (batch_.events().events_size() > 0) reports.push_back(std::move(batch_));
  reports.emplace_back();
  *reports.back().mutable_finished() = finished;
  // What is half written must go out first, and the socket may be full: wait by writing a frame in
  // the blocking way once the writer is empty.
  while (writer_.pending()) {
    pollfd entry{socket_.get(), POLLOUT, 0};
    ::poll(&entry, 1, -1);
    RETURN_IF_ERROR(writer_.Flush(socket_.get()));
  }
  for (const v1::TrainerReport& report : reports) {
    RETURN_IF_ERROR(worker::WriteMessage(socket_.get(), report));
  }
  return absl::OkStatus();
}

}  // namespace graphkiln::trainer
