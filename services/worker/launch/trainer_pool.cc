#include "services/worker/launch/trainer_pool.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "common/base/status.h"
#include "fmt/format.h"
#include "services/worker/launch/frame.h"
#include "services/worker/launch/log_tail.h"
#include "services/worker/launch/trainer_slot.h"

namespace graphkiln::worker {

using internal::PoolWaker;
using internal::TrainerSlot;

class TrainerPool::Loop {
 public:
  Loop(Options options, Clock& clock, std::function<void()> on_parent_change)
      : options_(std::move(options)),
        clock_(clock),
        on_parent_change_(std::move(on_parent_change)),
        waker_(std::make_shared<PoolWaker>()) {
    waker_->event.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  }

  void Run();
  void Stop() {
    {
      std::lock_guard lock(mu_);
      stopping_ = true;
    }
    waker_->Wake();
  }

  ParentState state() const {
    std::lock_guard lock(mu_);
    return state_;
  }
  bool WaitReady(absl::Duration timeout) const {
    std::unique_lock lock(mu_);
    return state_changed_.wait_for(lock, absl::ToChronoMilliseconds(timeout),
                                   [this] { return state_.ready; });
  }
  std::unique_ptr<Trainer> Launch(std::shared_ptr<TrainerObserver> observer);

 private:
  void SetState(ParentState state);
  void StartParent();
  void ReadParent();
  void HandleParentReply(const trainer::v1::ParentReply& reply);
  /// Reaps the parent, ends its trainers and plans the next start.
  void EndParent(std::string error);
  /// Ends slots that were asked of the present parent, or with `waiting` those that wait for one.
  void EndSlots(bool waiting, const std::string& error);
  void TakeNewSlots();
  void AskForForks();
  void PumpSlots(const std::vector<pollfd>& entries, size_t first);
  int PollTimeout() const;

  const Options options_;
  Clock& clock_;
  const std::function<void()> on_parent_change_;
  const std::shared_ptr<PoolWaker> waker_;

  mutable std::mutex mu_;  // guards the next five
  mutable std::condition_variable state_changed_;
  bool stopping_ = false;
  ParentState state_;
  uint64_t next_slot_ = 1;
  std::vector<std::shared_ptr<TrainerSlot>> new_slots_;

  // The loop's thread only.
  TrainerProcess parent_;
  uint64_t generation_ = 0;
  bool parent_was_ready_ = false;
  FrameReader parent_reader_;
  FrameWriter parent_writer_;
  LogTail parent_tail_{[](std::string_view line) { KILN_INFO("trainer parent: {}", line); }};
  bool parent_log_open_ = false;
  absl::Duration pause_ = absl::ZeroDuration();
  absl::Duration start_at_ = absl::ZeroDuration();
  std::map<uint64_t, std::shared_ptr<TrainerSlot>> slots_;
};

std::unique_ptr<Trainer> TrainerPool::Loop::Launch(std::shared_ptr<TrainerObserver> observer) {
  std::shared_ptr<TrainerSlot> slot;
  {
    std::lock_guard lock(mu_);
    slot = std::make_shared<TrainerSlot>(next_slot_++, std::move(observer));
    slot->Open();
    new_slots_.push_back(slot);
  }
  waker_->Wake();
  return std::make_unique<Trainer>(slot, waker_);
}

void TrainerPool::Loop::SetState(ParentState state) {
  {
    std::lock_guard lock(mu_);
    state_ = std::move(state);
  }
  state_changed_.notify_all();
  if (on_parent_change_) {
    on_parent_change_();
  }
}

void TrainerPool::Loop::StartParent() {
  std::string program = options_.program;
  absl::Status status;
  if (program.empty()) {
    absl::StatusOr<std::string> found = FindTrainerProgram();
    status = found.status();
    program = found.ok() ? *found : "";
  }
  if (status.ok()) {
    absl::StatusOr<TrainerProcess> started =
        StartTrainerProgram(program, "--parent", /*own_group=*/true);
    status = started.status();
    if (started.ok()) {
      parent_ = std::move(*started);
    }
  }
  ++generation_;
  parent_was_ready_ = false;
  parent_reader_ = FrameReader();
  parent_writer_ = FrameWriter();
  parent_log_open_ = parent_.pid > 0;
  if (!status.ok()) {
    EndParent(std::string(MessageOf(status)));
  }
}

void TrainerPool::Loop::EndParent(std::string error) {
  if (parent_.pid > 0) {
    ::kill(parent_.pid, SIGKILL);
    TrainerExit exit;
    ReapProcess(parent_.pid, &exit);
    parent_tail_.ReadAvailable(parent_.log.get());
    const std::string last = parent_tail_.LastLine();
    error = fmt::format("the trainers' parent ended with {}{}{}{}{}",
                        DescribeExit(exit.exit_code, exit.signal), error.empty() ? "" : ": ", error,
                        last.empty() ? "" : ": ", last);
  }
  KILN_WARN("{}", error);
  parent_ = TrainerProcess();
  // A parent that was ready is replaced at once; one that never was may fail again.
  pause_ = parent_was_ready_
               ? absl::ZeroDuration()
               : std::clamp(2 * pause_, options_.restart_pause, options_.max_restart_pause);
  start_at_ = clock_.Monotonic() + pause_;
  EndSlots(/*waiting=*/!parent_was_ready_, error);
  ParentState state;
  state.error = std::move(error);
  SetState(std::move(state));
}

void TrainerPool::Loop::EndSlots(bool waiting, const std::string& error) {
  for (auto it = slots_.begin(); it != slots_.end();) {
    const std::shared_ptr<TrainerSlot> slot = it->second;
    if (slot->parent_generation == 0 && !waiting) {
      ++it;
      continue;
    }
    it = slots_.erase(it);
    slot->Signal(SIGKILL);
    TrainerExit exit;
    exit.signal = SIGKILL;
    exit.parent_died = true;
    exit.error = error;
    slot->End(std::move(exit));
  }
}

void TrainerPool::Loop::TakeNewSlots() {
  std::vector<std::shared_ptr<TrainerSlot>> taken;
  {
    std::lock_guard lock(mu_);
    taken.swap(new_slots_);
  }
  for (const std::shared_ptr<TrainerSlot>& slot : taken) {
    if (!slot->open_status.ok()) {
      TrainerExit exit;
      exit.parent_died = true;
      exit.error = MessageOf(slot->open_status);
      slot->End(std::move(exit));
      continue;
    }
    slots_.emplace(slot->id, slot);
  }
}

void TrainerPool::Loop::AskForForks() {
  if (parent_.pid == 0) {
    return;
  }
  for (auto it = slots_.begin(); it != slots_.end();) {
    const std::shared_ptr<TrainerSlot> slot = it->second;
    ++it;
    if (slot->parent_generation != 0) {
      continue;
    }
    trainer::v1::ForkRequest request;
    request.set_slot(slot->id);
    const int fds[] = {slot->child_socket().get(), slot->child_log().get()};
    if (const absl::Status queued = parent_writer_.Queue(request, fds); !queued.ok()) {
      slots_.erase(slot->id);
      TrainerExit exit;
      exit.parent_died = true;
      exit.error = MessageOf(queued);
      slot->End(std::move(exit));
      continue;
    }
    slot->parent_generation = generation_;
    slot->CloseChildEnds();
  }
  // A broken socket shows when it is read.
  parent_writer_.Flush(parent_.socket.get()).IgnoreError();
}

void TrainerPool::Loop::HandleParentReply(const trainer::v1::ParentReply& reply) {
  if (reply.has_ready()) {
    parent_was_ready_ = true;
    pause_ = absl::ZeroDuration();
    ParentState state;
    state.ready = true;
    state.torch_version = reply.ready().torch_version();
    state.pid = parent_.pid;
    SetState(std::move(state));
    return;
  }
  const uint64_t id = reply.has_forked() ? reply.forked().slot() : reply.exited().slot();
  const auto it = slots_.find(id);
  if (it == slots_.end()) {
    return;
  }
  const std::shared_ptr<TrainerSlot> slot = it->second;
  if (reply.has_forked() && reply.forked().pid() > 0) {
    slot->Forked(static_cast<pid_t>(reply.forked().pid()));
    return;
  }
  slots_.erase(it);
  TrainerExit exit;
  if (reply.has_forked()) {
    exit.parent_died = true;
    exit.error = fmt::format("cannot fork a trainer: {}", reply.forked().error());
  } else {
    exit.exit_code = reply.exited().exit_code();
    exit.signal = reply.exited().signal();
  }
  slot->End(std::move(exit));
}

void TrainerPool::Loop::ReadParent() {
  std::vector<std::string> frames;
  const absl::Status reading = parent_reader_.ReadAvailable(parent_.socket.get(), &frames);
  for (const std::string& frame : frames) {
    trainer::v1::ParentReply reply;
    if (!reply.ParseFromString(frame)) {
      EndParent("it sent a message that cannot be read");
      return;
    }
    HandleParentReply(reply);
  }
  if (!reading.ok()) {
    const bool closed = IsEndOfStream(reading) || absl::IsUnavailable(reading);
    EndParent(closed ? "" : std::string(MessageOf(reading)));
  }
}

void TrainerPool::Loop::PumpSlots(const std::vector<pollfd>& entries, size_t first) {
  const absl::Duration now = clock_.Monotonic();
  size_t at = first;
  for (auto& [id, slot] : slots_) {
    // Slots that were added after the poll have no entries yet; they come last in the map.
    if (at + 1 >= entries.size()) {
      break;
    }
    const bool socket_ready = entries[at].revents != 0;
    const bool log_ready = entries[at + 1].revents != 0;
    at += 2;
    if (slot->Pump(socket_ready, log_ready) && slot->kill_at == absl::InfiniteDuration()) {
      slot->kill_at = now + options_.linger;
    }
    if (slot->kill_at <= now) {
      slot->Signal(SIGKILL);
    }
  }
}

int TrainerPool::Loop::PollTimeout() const {
  absl::Duration next = absl::InfiniteDuration();
  if (parent_.pid == 0) {
    next = start_at_;
  }
  for (const auto& [id, slot] : slots_) {
    next = std::min(next, slot->kill_at);
  }
  if (next == absl::InfiniteDuration()) {
    return -1;
  }
  const int64_t millis = absl::ToInt64Milliseconds(next - clock_.Monotonic()) + 1;
  return static_cast<int>(std::clamp<int64_t>(millis, 1, 60'000));
}

void TrainerPool::Loop::Run() {
  while (true) {
    {
      std::lock_guard lock(mu_);
      if (stopping_) {
        break;
      }
    }
    if (parent_.pid == 0 && clock_.Monotonic() >= start_at_) {
      StartParent();
    }
    TakeNewSlots();
    AskForForks();

    std::vector<pollfd> entries;
    entries.push_back({waker_->event.get(), POLLIN, 0});
    const bool parent_writes = parent_writer_.pending();
    entries.push_back({parent_.pid > 0 ? parent_.socket.get() : -1,
                       static_cast<short>(POLLIN | (parent_writes ? POLLOUT : 0)), 0});
    entries.push_back({parent_log_open_ ? parent_.log.get() : -1, POLLIN, 0});
    for (const auto& [id, slot] : slots_) {
      const short events = static_cast<short>(POLLIN | (slot->wants_write() ? POLLOUT : 0));
      entries.push_back({slot->poll_socket(), events, 0});
      entries.push_back({slot->poll_log(), POLLIN, 0});
    }
    if (::poll(entries.data(), entries.size(), PollTimeout()) < 0) {
      continue;  // interrupted; the entries hold nothing
    }
    if (entries[0].revents != 0) {
      waker_->Clear();
    }
    // Trainers first: what they sent before they died is handed out before their end is known.
    PumpSlots(entries, 3);
    if (entries[2].revents != 0) {
      parent_log_open_ = parent_tail_.ReadAvailable(parent_.log.get());
    }
    if (entries[1].revents != 0) {
      ReadParent();
    }
  }
  TakeNewSlots();
  if (parent_.pid > 0) {
    ::kill(parent_.pid, SIGKILL);
  }
  EndSlots(/*waiting=*/true, "the worker stops");
  if (parent_.pid > 0) {
    TrainerExit exit;
    ReapProcess(parent_.pid, &exit);
    parent_ = TrainerProcess();
  }
}

TrainerPool::TrainerPool(Options options, Clock& clock, std::function<void()> on_parent_change)
    : loop_(std::make_unique<Loop>(std::move(options), clock, std::move(on_parent_change))),
      thread_([loop = loop_.get()] { loop->Run(); }) {}

TrainerPool::~TrainerPool() {
  loop_->Stop();
  thread_.join();
}

TrainerPool::ParentState TrainerPool::state() const { return loop_->state(); }

bool TrainerPool::WaitReady(absl::Duration timeout) const { return loop_->WaitReady(timeout); }

std::unique_ptr<Trainer> TrainerPool::Launch(std::shared_ptr<TrainerObserver> observer) {
  return loop_->Launch(std::move(observer));
}

}  // namespace graphkiln::worker
