#include "clients/cli/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

constexpr size_t kMaxKeptOutput = 64 << 10;

absl::Status SystemFailure(const char* what) {
  return absl::InternalError(fmt::format("{}: {}", what, std::strerror(errno)));
}

// Between fork and exec only async-signal-safe calls.
[[noreturn]] void BecomeProgram(const char* program, char* const* argv, int output, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);  // we were late: the parent is gone already
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  execv(program, argv);
  _exit(127);
}

}  // namespace

absl::StatusOr<ChildProcess> ChildProcess::Start(const std::string& program,
                                                 const std::vector<std::string>& arguments) {
  if (access(program.c_str(), X_OK) != 0) {
    return absl::NotFoundError(fmt::format("{}: no such program", program));
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemFailure("pipe");
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    close(ends[0]);
    close(ends[1]);
    return SystemFailure("fork");
  }
  if (pid == 0) BecomeProgram(program.c_str(), argv.data(), ends[1], parent);
  close(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return ChildProcess(BaseName(program), pid, ends[0]);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, 0)),
      output_(std::exchange(other.output_, -1)),
      text_(std::move(other.text_)),
      how_(std::move(other.how_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    Release();
    name_ = std::move(other.name_);
    pid_ = std::exchange(other.pid_, 0);
    output_ = std::exchange(other.output_, -1);
    text_ = std::move(other.text_);
    how_ = std::move(other.how_);
  }
  return *this;
}

ChildProcess::~ChildProcess() { Release(); }

void ChildProcess::Release() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
  }
  if (output_ >= 0) close(output_);
  output_ = -1;
}

bool ChildProcess::ReadOutput() {
  char buffer[4096];
  while (output_ >= 0) {
    const ssize_t n = read(output_, buffer, sizeof(buffer));
    if (n > 0) {
      if (text_.size() < kMaxKeptOutput) text_.append(buffer, static_cast<size_t>(n));
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else if (n < 0 && errno == EAGAIN) {
      return true;
    } else {
      close(output_);
      output_ = -1;
    }
  }
  return false;
}

std::string ChildProcess::Line(const std::string& prefix) const {
  size_t at = 0;
  while (at < text_.size()) {
    const size_t end = text_.find('\n', at);
    if (end == std::string::npos) break;
    if (text_.compare(at, prefix.size(), prefix) == 0) {
      return text_.substr(at + prefix.size(), end - at - prefix.size());
    }
    at = end + 1;
  }
  return "";
}

bool ChildProcess::Ended(std::string* how) {
  if (pid_ > 0) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
    pid_ = 0;
    how_ = WIFSIGNALED(status) ? fmt::format("{} was ended by signal {}", name_, WTERMSIG(status))
                               : fmt::format("{} ended with code {}", name_, WEXITSTATUS(status));
  }
  if (how != nullptr) *how = how_;
  return true;
}

void ChildProcess::Signal(int number) {
  if (pid_ > 0) kill(pid_, number);
}

bool ChildProcess::WaitFor(absl::Duration limit) {
  const absl::Duration deadline = SystemClock().Monotonic() + limit;
  while (!Ended(nullptr)) {
    if (SystemClock().Monotonic() > deadline) return false;
    // The output ends with the process; the time limit covers grandchildren that keep it open.
    pollfd entry{output_, POLLIN, 0};
    poll(&entry, 1, output_ >= 0 ? 50 : 10);
    ReadOutput();
  }
  return true;
}

}  // namespace graphkiln::cli
