// Ctrl-C and SIGTERM while a command waits: a pipe that becomes readable, and an action that
// unblocks a stream. One object at a time.
#pragma once

#include <functional>
#include <mutex>
#include <thread>

#include "absl/time/time.h"

namespace graphkiln::cli {

/// From construction to destruction, the first SIGINT or SIGTERM runs the current action (on a
/// thread of its own) instead of ending the program; later ones do nothing more.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// True after the signal.
  bool interrupted() const;
  /// The signal's number; 0 before.
  int signal_number() const;
  /// What the signal does; run at once where it has come already. Null: nothing.
  void SetAction(std::function<void()> action);
  /// Waits; true where a signal came (before or meanwhile).
  bool Sleep(absl::Duration duration) const;
  /// Readable after the signal; for poll().
  int fd() const;

 private:
  void Watch();

  std::mutex mutex_;
  std::function<void()> action_;
  int stop_pipe_[2];
  std::thread watcher_;
};

}  // namespace graphkiln::cli
