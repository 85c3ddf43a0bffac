// Programs that `kiln serve` starts: out of the terminal's Ctrl-C, dead when we die, their first
// line of output read. Main thread only: a child dies with the thread that started it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace graphkiln::cli {

class ChildProcess {
 public:
  /// Starts `program`; its stdout is ours to read, its stderr is ours.
  static absl::StatusOr<ChildProcess> Start(const std::string& program,
                                            const std::vector<std::string>& arguments);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  /// Kills what still runs.
  ~ChildProcess();

  const std::string& name() const { return name_; }
  pid_t pid() const { return pid_; }
  /// Readable at output and at the end; for poll().
  int output_fd() const { return output_; }

  /// Takes what is there to read; false once the output has ended.
  bool ReadOutput();
  /// The first line that begins with `prefix`, without it; empty where it has not come.
  std::string Line(const std::string& prefix) const;

  /// True once it has ended; then how, in words.
  bool Ended(std::string* how);
  void Signal(int number);
  /// Waits at most so long; true where it ended.
  bool WaitFor(absl::Duration limit);

 private:
  ChildProcess(std::string name, pid_t pid, int output)
      : name_(std::move(name)), pid_(pid), output_(output) {}
  void Release();

  std::string name_;
  pid_t pid_ = 0;  // 0: ended and reaped
  int output_ = -1;
  std::string text_;  // bounded; ready lines come first
  std::string how_;
};

}  // namespace graphkiln::cli
