#include "services/worker/trainer/parent.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <torch/headeronly/version.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "services/worker/launch/frame.h"
#include "services/worker/trainer/process.h"
#include "services/worker/trainer/protos.h"
#include "services/worker/trainer/session.h"

namespace graphkiln::trainer {
namespace {

class Parent {
 public:
  Parent(worker::Fd socket, Clock& clock) : socket_(std::move(socket)), clock_(clock) {}

  int Run() {
    SetComputeThreads(1);
    WarmUp();
    // Blocked before the first fork, so that no end of a child is missed; children unblock it.
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child, &old_mask_);
    signals_ = worker::Fd(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_.valid()) return 1;
    v1::ParentReply ready;
    ready.mutable_ready()->set_torch_version(TORCH_VERSION);
    if (!Reply(ready)) return 1;
    while (true) {
      pollfd entries[] = {{socket_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
      if (::poll(entries, 2, -1) < 0 && errno != EINTR) return 1;
      if (entries[1].revents != 0 && !Reap()) return 1;
      if (entries[0].revents != 0 && !Serve()) return 0;
    }
  }

 private:
  bool Reply(const v1::ParentReply& reply) {
    const absl::Status status = worker::WriteMessage(socket_.get(), reply);
    if (!status.ok()) KILN_WARN("{}", MessageOf(status));
    return status.ok();
  }

  // False when the socket has ended.
  bool Serve() {
    v1::ForkRequest request;
    std::vector<worker::Fd> fds;
    const absl::Status status = worker::ReadMessage(socket_.get(), &request, &fds);
    if (!status.ok()) {
      if (!worker::IsEndOfStream(status)) KILN_WARN("{}", MessageOf(status));
      return false;
    }
    v1::ParentReply reply;
    v1::ForkReply* forked = reply.mutable_forked();
    forked->set_slot(request.slot());
    if (fds.empty()) {
      forked->set_error("the request brought no socket");
      return Reply(reply);
    }
    const pid_t self = ::getpid();
    std::fflush(nullptr);  // or both processes write what is buffered
    const pid_t pid = ::fork();
    if (pid == 0) RunChild(self, std::move(fds));
    if (pid < 0) {
      forked->set_error(std::string("fork: ") + std::strerror(errno));
    } else {
      forked->set_pid(pid);
      slots_[pid] = request.slot();
    }
    return Reply(reply);
  }

  [[noreturn]] void RunChild(pid_t parent, std::vector<worker::Fd> fds) {
    DieWithParent(parent);
    ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
    OfferToOomKiller();
    socket_.Reset();
    signals_.Reset();
    if (fds.size() > 1) {
      ::dup2(fds[1].get(), STDOUT_FILENO);
      ::dup2(fds[1].get(), STDERR_FILENO);
    }
    worker::Fd socket = std::move(fds[0]);
    fds.clear();
    // All children inherit one state of the generator; a job sets its own seed, all else gets a
    // fresh one.
    SeedGenerators(SystemRandom().NextU64());
    const int code = ServeSession(std::move(socket), clock_);
    std::fflush(nullptr);
    ::_exit(code);  // the parent's destructors are not this process's business
  }

  // False when the daemon cannot be told.
  bool Reap() {
    signalfd_siginfo drained[16];
    while (::read(signals_.get(), drained, sizeof(drained)) > 0) {
    }
    while (true) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid <= 0) return true;
      const auto slot = slots_.find(pid);
      if (slot == slots_.end()) continue;
      v1::ParentReply reply;
      v1::ChildExit* exited = reply.mutable_exited();
      exited->set_slot(slot->second);
      exited->set_pid(pid);
      exited->set_exit_code(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
      exited->set_signal(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
      slots_.erase(slot);
      if (!Reply(reply)) return false;
    }
  }

  worker::Fd socket_;
  Clock& clock_;
  worker::Fd signals_;
  sigset_t old_mask_{};
  absl::flat_hash_map<pid_t, uint64_t> slots_;
};

}  // namespace

int RunParent(worker::Fd socket, Clock& clock) { return Parent(std::move(socket), clock).Run(); }

}  // namespace graphkiln::trainer
