#include "clients/cli/interrupts.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <utility>

namespace graphkiln::cli {
namespace {

// A handler may touch nothing but lock-free atomics and write(); the pipe stays full once written.
int g_pipe[2] = {-1, -1};
std::atomic<int> g_signal{0};
struct sigaction g_old_int, g_old_term;

void OnSignal(int number) {
  int expected = 0;
  if (!g_signal.compare_exchange_strong(expected, number)) return;
  const char byte = 0;
  [[maybe_unused]] const ssize_t written = write(g_pipe[1], &byte, 1);
}

bool PollIn(int fd, int timeout_ms) {
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, timeout_ms) > 0;
}

}  // namespace

Interrupts::Interrupts() {
  g_signal = 0;
  if (pipe2(g_pipe, O_CLOEXEC | O_NONBLOCK) != 0 || pipe2(stop_pipe_, O_CLOEXEC) != 0) {
    g_pipe[0] = g_pipe[1] = -1;  // out of descriptors: signals keep their default action
    stop_pipe_[0] = stop_pipe_[1] = -1;
    return;
  }
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &g_old_int);
  sigaction(SIGTERM, &action, &g_old_term);
  watcher_ = std::thread([this] { Watch(); });
}

Interrupts::~Interrupts() {
  if (!watcher_.joinable()) return;
  close(stop_pipe_[1]);
  watcher_.join();
  sigaction(SIGINT, &g_old_int, nullptr);
  sigaction(SIGTERM, &g_old_term, nullptr);
  close(stop_pipe_[0]);
  close(g_pipe[0]);
  close(g_pipe[1]);
}

void Interrupts::Watch() {
  pollfd entries[2] = {{g_pipe[0], POLLIN, 0}, {stop_pipe_[0], POLLIN, 0}};
  while (poll(entries, 2, -1) < 0) {
  }
  if (entries[0].revents == 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (action_) action_();
}

bool Interrupts::interrupted() const { return g_signal != 0; }

int Interrupts::signal_number() const { return g_signal; }

void Interrupts::SetAction(std::function<void()> action) {
  const std::lock_guard<std::mutex> lock(mutex_);
  action_ = std::move(action);
  if (interrupted() && action_) action_();
}

bool Interrupts::Sleep(absl::Duration duration) const {
  return PollIn(g_pipe[0], static_cast<int>(absl::ToInt64Milliseconds(duration))) || interrupted();
}

int Interrupts::fd() const { return g_pipe[0]; }

}  // namespace graphkiln::cli
