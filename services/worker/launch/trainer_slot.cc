#include "services/worker/launch/trainer_slot.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/base/status.h"

namespace graphkiln::worker {

Trainer::Trainer(std::shared_ptr<internal::TrainerSlot> slot,
                 std::shared_ptr<internal::PoolWaker> waker)
    : slot_(std::move(slot)), waker_(std::move(waker)) {}

Trainer::~Trainer() { slot_->Signal(SIGKILL); }

absl::Status Trainer::Send(const trainer::v1::TrainerCommand& command) {
  RETURN_IF_ERROR(slot_->Send(command));
  if (slot_->wants_write()) {
    waker_->Wake();
  }
  return absl::OkStatus();
}

void Trainer::Signal(int signal) { slot_->Signal(signal); }

namespace internal {

void PoolWaker::Wake() const {
  const uint64_t one = 1;
  // A full counter already wakes.
  [[maybe_unused]] const ssize_t ignored = ::write(event.get(), &one, sizeof(one));
}

void PoolWaker::Clear() const {
  uint64_t count;
  [[maybe_unused]] const ssize_t ignored = ::read(event.get(), &count, sizeof(count));
}

TrainerSlot::TrainerSlot(uint64_t slot_id, std::shared_ptr<TrainerObserver> observer)
    : id(slot_id),
      observer_(std::move(observer)),
      tail_([this](std::string_view line) { observer_->OnLogLine(line); }) {}

void TrainerSlot::Open() {
  open_status = MakeChannels();
  socket_open_ = log_open_ = open_status.ok();
}

absl::Status TrainerSlot::MakeChannels() {
  ASSIGN_OR_RETURN(FdPair sockets, MakeSocketPair());
  ASSIGN_OR_RETURN(FdPair log, MakePipe());
  socket_ = std::move(sockets.first);
  child_socket_ = std::move(sockets.second);
  log_ = std::move(log.first);
  child_log_ = std::move(log.second);
  return absl::OkStatus();
}

absl::Status TrainerSlot::Send(const trainer::v1::TrainerCommand& command) {
  std::lock_guard lock(mu_);
  if (gone_) {
    return absl::UnavailableError("the trainer has ended");
  }
  RETURN_IF_ERROR(writer_.Queue(command));
  // A broken socket is seen by the loop as the end of the trainer.
  writer_.Flush(socket_.get()).IgnoreError();
  return absl::OkStatus();
}

void TrainerSlot::Signal(int signal) {
  std::lock_guard lock(mu_);
  if (gone_) {
    return;
  }
  if (pid_ == 0) {
    // The strongest one asked for before the process exists.
    pending_signal_ = pending_signal_ == SIGKILL ? SIGKILL : signal;
    return;
  }
  SignalLocked(signal);
}

void TrainerSlot::SignalLocked(int signal) {
  // By descriptor, so that a number given to another process in the meantime is never hit.
  if (pidfd_.valid()) {
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
  } else {
    ::kill(pid_, signal);
  }
}

void TrainerSlot::CloseChildEnds() {
  child_socket_.Reset();
  child_log_.Reset();
}

void TrainerSlot::Forked(pid_t pid) {
  {
    std::lock_guard lock(mu_);
    pid_ = pid;
    pidfd_.Reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (pending_signal_ != 0) {
      SignalLocked(pending_signal_);
    }
  }
  observer_->OnForked(pid);
}

bool TrainerSlot::wants_write() const {
  std::lock_guard lock(mu_);
  return writer_.pending();
}

void TrainerSlot::ReadReports() {
  std::vector<std::string> frames;
  const absl::Status reading = reader_.ReadAvailable(socket_.get(), &frames);
  for (const std::string& frame : frames) {
    trainer::v1::TrainerReport report;
    if (!report.ParseFromString(frame)) {
      error_ = "the trainer sent a message that cannot be read";
      break;
    }
    observer_->OnReport(std::move(report));
  }
  if (!reading.ok()) {
    socket_open_ = false;
    if (!IsEndOfStream(reading) && !absl::IsUnavailable(reading)) {
      error_ = MessageOf(reading);
    }
  }
  if (!error_.empty()) {
    socket_open_ = false;
    Signal(SIGKILL);
  }
}

bool TrainerSlot::Pump(bool socket_ready, bool log_ready) {
  if (log_ready && log_open_) {
    log_open_ = tail_.ReadAvailable(log_.get());
  }
  if (socket_ready && socket_open_) {
    {
      std::lock_guard lock(mu_);
      writer_.Flush(socket_.get()).IgnoreError();
    }
    ReadReports();
  }
  return !socket_open_;
}

void TrainerSlot::End(TrainerExit exit) {
  CloseChildEnds();
  Pump(/*socket_ready=*/true, /*log_ready=*/true);
  tail_.Finish();
  {
    std::lock_guard lock(mu_);
    gone_ = true;
    pidfd_.Reset();
    socket_.Reset();
  }
  log_.Reset();
  if (exit.error.empty()) {
    exit.error = error_;
  }
  exit.log_tail = tail_.Text();
  exit.last_line = tail_.LastLine();
  observer_->OnExit(exit);
}

}  // namespace internal
}  // namespace graphkiln::worker
