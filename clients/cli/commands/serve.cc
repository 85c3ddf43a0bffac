// kiln serve: a coordinator and workers on loopback, until Ctrl-C.
#include <poll.h>
#include <signal.h>

#include <cstdlib>

#include "clients/cli/child_process.h"
#include "clients/cli/commands/all.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/interrupts.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/resources.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

constexpr absl::Duration kReadyLimit = absl::Seconds(60);
constexpr absl::Duration kWorkerStopLimit = absl::Seconds(40);  // checkpoints included
constexpr absl::Duration kStopLimit = absl::Seconds(10);
// Without a coordinator there is nobody to hand checkpoints to: workers keep them on disk and end.
constexpr absl::Duration kAloneLimit = absl::Seconds(10);
constexpr int kMaxWorkers = 64;

std::string DefaultState() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return JoinPath(state, "graphkiln");
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return JoinPath(home, ".local/state/graphkiln");
  return "graphkiln-state";
}

class Serve : public Command {
 public:
  std::string_view name() const override { return "serve"; }
  std::string_view summary() const override {
    return "Run a coordinator and workers on this machine";
  }
  void Declare(Arguments* arguments) override {
    arguments->Add("--state", &state_, "Where everything is kept; default ~/.local/state/graphkiln")
        .value_name = "DIR";
    arguments->Add("--port", &port_, "gRPC port, 0 picks a free one; default 50051").value_name =
        "P";
    arguments->Add("--http-port", &http_port_, "HTTP port, 0 picks a free one; default 8080")
        .value_name = "P";
    arguments->Add("--workers", &workers_, "How many workers; default 1").value_name = "N";
  }

  int Run(Context& context) override {
    if (workers_ < 0 || workers_ > kMaxWorkers) {
      return context.Fail(kUsage, "USAGE", fmt::format("--workers must be 0 to {}", kMaxWorkers));
    }
    for (const int port : {port_, http_port_}) {
      if (port < 0 || port > 65535) return context.Fail(kUsage, "USAGE", "a port is 0 to 65535");
    }
    Interrupts interrupts;
    absl::Status status = Start(interrupts);
    if (status.ok() && !interrupts.interrupted()) {
      context.Print(fmt::format("ready {}\n", address_));
      context.Notice(fmt::format("state in {}; Ctrl-C stops it", state_));
      status = WatchChildren(interrupts);
    }
    if (!status.ok() && !address_.empty()) {
      context.Notice(fmt::format("{}; stopping the others", std::string(status.message())));
    }
    Stop();
    if (!status.ok()) return context.Fail(kFailure, "SERVE_FAILED", std::string(status.message()));
    // Being told to stop is how a service ends well; only Ctrl-C reports itself.
    return interrupts.signal_number() == SIGINT ? kInterrupted : kOk;
  }

 private:
  absl::Status Start(Interrupts& interrupts) {
    if (state_.empty()) state_ = DefaultState();
    if (absl::Status made = MakeDirs(state_); !made.ok()) return made;
    auto coordinator = ChildProcess::Start(
        JoinPath(ExecutableDir(), "kiln-coordinator"),
        {"--state", JoinPath(state_, "coordinator"), "--port", fmt::format("{}", port_),
         "--http-port", fmt::format("{}", http_port_)});
    if (!coordinator.ok()) return coordinator.status();
    children_.push_back(*std::move(coordinator));
    auto address = AwaitReady(interrupts, 0, "ready ");
    if (!address.ok()) return address.status();
    address_ = *address;
    const size_t grpc = address_.find("grpc=");
    if (grpc == std::string::npos) {
      return absl::InternalError(fmt::format("the coordinator said \"{}\"", address_));
    }
    const std::string endpoint = address_.substr(grpc + 5, address_.find(' ', grpc) - grpc - 5);
    for (int i = 0; i < workers_; ++i) {
      const std::string name = fmt::format("local-{}", i);
      auto worker = ChildProcess::Start(JoinPath(ExecutableDir(), "kiln-worker"),
                                        {"--coordinator", endpoint, "--state",
                                         JoinPath(state_, "workers/" + name), "--name", name,
                                         // Who stops a service on his own machine waits for it.
                                         "--drain-deadline", "0"});
      if (!worker.ok()) return worker.status();
      children_.push_back(*std::move(worker));
    }
    for (size_t i = 1; i < children_.size(); ++i) {
      const auto ready = AwaitReady(interrupts, i, "ready worker=");
      if (!ready.ok()) return ready.status();
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> AwaitReady(Interrupts& interrupts, size_t index,
                                         const std::string& prefix) {
    ChildProcess& child = children_[index];
    const absl::Duration deadline = SystemClock().Monotonic() + kReadyLimit;
    while (!interrupts.interrupted()) {
      const bool more = child.ReadOutput();
      const std::string line = child.Line(prefix);
      if (!line.empty()) return line;
      std::string how;
      if (!more && child.WaitFor(absl::Seconds(1)) && child.Ended(&how)) {
        return absl::InternalError(how + " before it was ready");
      }
      const absl::Duration left = deadline - SystemClock().Monotonic();
      if (left <= absl::ZeroDuration()) {
        return absl::DeadlineExceededError(child.name() + " did not become ready");
      }
      pollfd entries[2] = {{child.output_fd(), POLLIN, 0}, {interrupts.fd(), POLLIN, 0}};
      poll(entries, 2, static_cast<int>(absl::ToInt64Milliseconds(left)));
    }
    return std::string("interrupted");
  }

  // Until a signal comes, or one of them ends by itself.
  absl::Status WatchChildren(Interrupts& interrupts) {
    while (!interrupts.interrupted()) {
      std::vector<pollfd> entries = {{interrupts.fd(), POLLIN, 0}};
      for (ChildProcess& child : children_) {
        const bool more = child.ReadOutput();
        std::string how;
        if (!more && child.WaitFor(absl::Seconds(1)) && child.Ended(&how))
          return absl::InternalError(how);
        if (more) entries.push_back({child.output_fd(), POLLIN, 0});
      }
      poll(entries.data(), entries.size(), -1);
    }
    return absl::OkStatus();
  }

  // Workers first: they hand their checkpoints to a coordinator that still runs.
  void Stop() {
    for (size_t i = 1; i < children_.size(); ++i) children_[i].Signal(SIGTERM);
    const bool alone = !children_.empty() && children_[0].Ended(nullptr);
    const absl::Duration deadline =
        SystemClock().Monotonic() + (alone ? kAloneLimit : kWorkerStopLimit);
    for (size_t i = 1; i < children_.size(); ++i) {
      children_[i].WaitFor(deadline - SystemClock().Monotonic());
    }
    if (!children_.empty()) {
      children_[0].Signal(SIGTERM);
      children_[0].WaitFor(kStopLimit);
    }
    children_.clear();  // kills what is left
  }

  std::string state_;
  int port_ = 50051;
  int http_port_ = 8080;
  int workers_ = 1;
  std::string address_;
  std::vector<ChildProcess> children_;
};

}  // namespace

void AddServe(CommandList* commands) { commands->push_back(std::make_unique<Serve>()); }

}  // namespace graphkiln::cli
