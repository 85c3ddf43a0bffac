// Starting the kiln-trainer program and naming how a process ended. Used by the pool (warm parent)
// and by RunForwardOnce.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "services/worker/launch/fd.h"

namespace graphkiln::worker {

/// How a trainer ended.
struct TrainerExit {
  int exit_code = -1;  // -1 where a signal ended it
  int signal = 0;      // 0 where none
  /// The warm parent died or did not start, so this trainer died with it or never was.
  bool parent_died = false;
  /// What the launcher found wrong: no start, a broken message; empty where nothing.
  std::string error;
  /// Last output of the process.
  std::string log_tail;
  /// Last line of it that is not empty.
  std::string last_line;
};

/// "signal 11 (SIGSEGV)", "exit code 3".
std::string DescribeExit(int exit_code, int signal);

/// The trainer program: KILN_TRAINER from the environment, else `kiln-trainer` beside this program.
/// NotFound when there is no such executable.
absl::StatusOr<std::string> FindTrainerProgram();

struct TrainerProcess {
  pid_t pid = 0;
  /// Ours of the socket pair whose other end is the program's descriptor 3.
  Fd socket;
  /// Its standard output and error.
  Fd log;
};

/// Starts `program` with `mode` ("--parent" or "--single"); the program dies with the calling
/// thread. `own_group` keeps it out of the terminal's Ctrl-C. The caller reaps the process.
absl::StatusOr<TrainerProcess> StartTrainerProgram(const std::string& program, const char* mode,
                                                   bool own_group);

/// Waits for a child that is about to end and fills `exit_code` and `signal`.
void ReapProcess(pid_t pid, TrainerExit* exit);

}  // namespace graphkiln::worker
