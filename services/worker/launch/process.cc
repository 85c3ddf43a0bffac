#include "services/worker/launch/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "fmt/format.h"

extern char** environ;

namespace graphkiln::worker {
namespace {

constexpr int kTrainerSocket = 3;
constexpr std::string_view kSocketVariable = "KILN_SOCKET_FD=";

std::string SignalName(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : "unknown";
}

/// Runs between fork and exec: only async-signal-safe calls.
[[noreturn]] void BecomeTrainer(const char* program, char* const* arguments, char* const* variables,
                                int socket, int log, int null, pid_t starter, bool own_group) {
  // The death signal follows the starting thread; a starter that died before this line is noticed
  // by the changed parent.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != starter) {
    ::_exit(126);
  }
  if (own_group) {
    ::setpgid(0, 0);
  }
  for (int signal = 1; signal < NSIG; ++signal) {
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // All three sources are above 3 (the caller saw to it), so no dup2 overwrites another's source.
  if (::dup2(null, 0) < 0 || ::dup2(log, 1) < 0 || ::dup2(log, 2) < 0 ||
      ::dup2(socket, kTrainerSocket) < 0) {
    ::_exit(126);
  }
  ::execve(program, arguments, variables);
  constexpr std::string_view kMessage = "cannot execute the trainer program\n";
  [[maybe_unused]] const ssize_t ignored = ::write(2, kMessage.data(), kMessage.size());
  ::_exit(127);
}

absl::StatusOr<Fd> AboveTrainerSocket(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, kTrainerSocket + 1);
  if (copy < 0) {
    return SystemError(errno, "cannot copy a descriptor");
  }
  return Fd(copy);
}

}  // namespace

std::string DescribeExit(int exit_code, int signal) {
  return signal != 0 ? fmt::format("signal {} ({})", signal, SignalName(signal))
                     : fmt::format("exit code {}", exit_code);
}

absl::StatusOr<std::string> FindTrainerProgram() {
  std::string path;
  if (const char* named = std::getenv("KILN_TRAINER"); named != nullptr && named[0] != '\0') {
    path = named;
  } else {
    char self[PATH_MAX];
    const ssize_t size = ::readlink("/proc/self/exe", self, sizeof(self));
    if (size <= 0) {
      return SystemError(errno, "cannot find the own program");
    }
    const std::string_view own(self, static_cast<size_t>(size));
    path = fmt::format("{}kiln-trainer", own.substr(0, own.rfind('/') + 1));
  }
  if (::access(path.c_str(), X_OK) != 0) {
    return absl::NotFoundError(fmt::format(
        "the trainer program {} is not there; KILN_TRAINER can name another one", path));
  }
  return path;
}

absl::StatusOr<TrainerProcess> StartTrainerProgram(const std::string& program, const char* mode,
                                                   bool own_group) {
  ASSIGN_OR_RETURN(FdPair sockets, MakeSocketPair());
  ASSIGN_OR_RETURN(FdPair log, MakePipe());
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) {
    return SystemError(errno, "cannot open /dev/null");
  }
  ASSIGN_OR_RETURN(const Fd child_socket, AboveTrainerSocket(sockets.second.get()));
  ASSIGN_OR_RETURN(const Fd child_log, AboveTrainerSocket(log.second.get()));
  ASSIGN_OR_RETURN(const Fd child_null, AboveTrainerSocket(null.get()));

  std::string socket_variable = fmt::format("{}{}", kSocketVariable, kTrainerSocket);
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::string_view(*variable).substr(0, kSocketVariable.size()) != kSocketVariable) {
      variables.push_back(*variable);
    }
  }
  variables.push_back(socket_variable.data());
  variables.push_back(nullptr);
  std::string name = "kiln-trainer";
  std::string mode_argument = mode;
  char* arguments[] = {name.data(), mode_argument.data(), nullptr};

  const pid_t starter = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return SystemError(errno, "cannot start the trainer program");
  }
  if (pid == 0) {
    BecomeTrainer(program.c_str(), arguments, variables.data(), child_socket.get(), child_log.get(),
                  child_null.get(), starter, own_group);
  }
  TrainerProcess process;
  process.pid = pid;
  process.socket = std::move(sockets.first);
  process.log = std::move(log.first);
  return process;
}

void ReapProcess(pid_t pid, TrainerExit* exit) {
  int status = 0;
  pid_t reaped;
  do {
    reaped = ::waitpid(pid, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  if (reaped != pid) {
    return;
  }
  if (WIFSIGNALED(status)) {
    exit->signal = WTERMSIG(status);
    exit->exit_code = -1;
  } else {
    exit->exit_code = WEXITSTATUS(status);
  }
}

}  // namespace graphkiln::worker
