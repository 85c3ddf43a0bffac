// A trainer without LibTorch that speaks the trainer protocol and does what its job's label
// `script` says. A test binary that includes this header (in one source file) is its own trainer
// program: started as `BINARY --parent` or `BINARY --single` it becomes the fake instead of running
// its tests.
//
// A script is a list of words, done in order (RunForward: the words are in `inputs_path`):
//   log:TEXT    writes a line to standard error      started     reports Started
//   steps:N     reports N step events in one batch   epoch       reports an epoch event
//   checkpoint  writes and reports one               signal:N    raises a signal
//   best        the same, the best so far            brittle     SIGSEGV when told to checkpoint
//   exit:N      exits                                finish      Finished SUCCEEDED with one file
//   user_error  Finished FAILED_USER                 garbage     sends a frame that is no message
//   close       closes the socket, then waits        wait        obeys commands until told to end
//   noterm      ignores SIGTERM from here on         deaf        obeys nothing
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/strings.h"
#include "graphkiln/trainer/v1/trainer.pb.h"
#include "gtest/gtest.h"
#include "services/worker/launch/frame.h"

namespace graphkiln::worker::fake {

using trainer::v1::Finished;
using trainer::v1::TrainerCommand;
using trainer::v1::TrainerReport;

inline constexpr char kTorchVersion[] = "9.9.9-fake";

// Ends by the signal itself, also where a sanitizer would handle it and exit.
inline void Crash(int number) {
  signal(number, SIG_DFL);
  raise(number);
}

class Job {
 public:
  explicit Job(int socket) : socket_(socket) {}

  [[noreturn]] void Serve() {
    TrainerCommand command;
    while (ReadMessage(socket_, &command).ok()) {
      if (command.has_train()) {
        work_dir_ = command.train().work_dir();
        const auto& labels = command.train().job().labels();
        const auto script = labels.find("script");
        Play(script == labels.end() ? "finish" : script->second);
      } else if (command.has_forward()) {
        Play(command.forward().inputs_path());
      } else {
        Obey(command);
      }
    }
    _exit(0);
  }

 private:
  void Send(const TrainerReport& report) {
    if (!WriteMessage(socket_, report).ok()) {
      _exit(1);
    }
  }

  void Play(const std::string& script) {
    for (const std::string_view word : SplitView(script, ' ')) {
      const size_t colon = word.find(':');
      const std::string name(word.substr(0, colon));
      const std::string argument(colon == word.npos ? "" : word.substr(colon + 1));
      Do(name, argument);
    }
  }

  void Do(const std::string& name, const std::string& argument) {
    if (name == "log") {
      std::fprintf(stderr, "%s\n", argument.c_str());
    } else if (name == "started") {
      TrainerReport report;
      report.mutable_started()->set_total_steps(100);
      Send(report);
    } else if (name == "steps") {
      TrainerReport report;
      for (int i = 0; i < std::atoi(argument.c_str()); ++i) {
        graphkiln::v1::StepEvent* step = report.mutable_events()->add_events()->mutable_step();
        step->set_step(++step_);
        step->set_loss(1.0 / static_cast<double>(step_));
      }
      Send(report);
    } else if (name == "epoch") {
      TrainerReport report;
      report.mutable_events()->add_events()->mutable_epoch()->set_epoch(++epoch_);
      Send(report);
    } else if (name == "checkpoint" || name == "best") {
      Checkpoint(name == "best");
    } else if (name == "brittle") {
      brittle_ = true;
    } else if (name == "signal") {
      Crash(std::atoi(argument.c_str()));
    } else if (name == "exit") {
      _exit(std::atoi(argument.c_str()));
    } else if (name == "finish") {
      Finish(Finished::OUTCOME_SUCCEEDED, "", false);
    } else if (name == "user_error") {
      Finish(Finished::OUTCOME_FAILED_USER, "DATA_INVALID: " + argument, false);
    } else if (name == "garbage") {
      (void)WriteFrame(socket_, "\xff\xff\xff\xff not a message");
      Forever();
    } else if (name == "close") {
      close(socket_);
      Forever();
    } else if (name == "wait") {
      TrainerCommand command;
      while (ReadMessage(socket_, &command).ok()) {
        Obey(command);
      }
      _exit(0);
    } else if (name == "noterm") {
      signal(SIGTERM, SIG_IGN);
    } else if (name == "deaf") {
      Forever();
    } else if (name != "") {
      std::fprintf(stderr, "fake trainer: unknown word %s\n", name.c_str());
      _exit(99);
    }
  }

  void Obey(const TrainerCommand& command) {
    if (command.has_cancel()) {
      Finish(Finished::OUTCOME_CANCELLED, "", false);
    } else if (command.has_checkpoint_and_stop()) {
      if (brittle_) {
        Crash(SIGSEGV);
      }
      Checkpoint(false);
      Finish(Finished::OUTCOME_RELEASED, "", false);
    } else if (command.has_finish_early()) {
      Finish(Finished::OUTCOME_SUCCEEDED, "", true);
    } else if (command.has_checkpoint_committed()) {
      std::fprintf(stderr, "committed %s\n", command.checkpoint_committed().path().c_str());
    }
  }

  void Checkpoint(bool best) {
    const std::string path =
        JoinPath(work_dir_, "checkpoint-" + std::to_string(++checkpoints_) + ".bin");
    const std::string bytes = "checkpoint of step " + std::to_string(step_);
    std::ofstream(path) << bytes;
    TrainerReport report;
    report.mutable_checkpoint()->set_path(path);
    report.mutable_checkpoint()->set_best(best);
    report.mutable_checkpoint()->set_step(step_);
    report.mutable_checkpoint()->set_epoch(epoch_);
    report.mutable_checkpoint()->set_sha256(Sha256Hex(bytes));
    report.mutable_checkpoint()->set_bytes(static_cast<int64_t>(bytes.size()));
    Send(report);
  }

  [[noreturn]] void Finish(Finished::Outcome outcome, const std::string& reason, bool early) {
    TrainerReport report;
    Finished* finished = report.mutable_finished();
    finished->set_outcome(outcome);
    finished->set_reason(reason);
    finished->set_step(step_);
    finished->set_epoch(epoch_);
    finished->set_stopped_early(early);
    if (outcome == Finished::OUTCOME_SUCCEEDED && !work_dir_.empty()) {
      const std::string path = JoinPath(work_dir_, "weights.out");
      std::ofstream(path) << "weights of step " << step_;
      (*finished->mutable_files())["weights.safetensors"] = path;
      (*finished->mutable_metrics())["test_accuracy"] = 0.875;
    }
    Send(report);
    _exit(0);
  }

  [[noreturn]] static void Forever() {
    while (true) {
      pause();
    }
  }

  int socket_;
  std::string work_dir_;
  int64_t step_ = 0;
  int64_t epoch_ = 0;
  int checkpoints_ = 0;
  bool brittle_ = false;
};

/// The warm parent: forks a Job per request until its socket ends.
[[noreturn]] inline void RunParent(int socket) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  const int children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  std::map<pid_t, uint64_t> slots;
  trainer::v1::ParentReply ready;
  ready.mutable_ready()->set_torch_version(kTorchVersion);
  (void)WriteMessage(socket, ready);
  while (true) {
    pollfd entries[2] = {{socket, POLLIN, 0}, {children, POLLIN, 0}};
    poll(entries, 2, -1);
    signalfd_siginfo info;
    while (read(children, &info, sizeof(info)) > 0) {
    }
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      trainer::v1::ParentReply reply;
      reply.mutable_exited()->set_slot(slots[pid]);
      reply.mutable_exited()->set_pid(pid);
      reply.mutable_exited()->set_exit_code(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
      reply.mutable_exited()->set_signal(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
      (void)WriteMessage(socket, reply);
    }
    if (entries[0].revents == 0) {
      continue;
    }
    trainer::v1::ForkRequest request;
    std::vector<Fd> fds;
    if (!ReadMessage(socket, &request, &fds).ok() || fds.empty()) {
      _exit(0);
    }
    const pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(socket);
      sigprocmask(SIG_UNBLOCK, &child, nullptr);
      if (fds.size() > 1) {
        dup2(fds[1].get(), 1);
        dup2(fds[1].get(), 2);
        fds[1].Reset();
      }
      Job(fds[0].get()).Serve();
    }
    slots[pid] = request.slot();
    trainer::v1::ParentReply reply;
    reply.mutable_forked()->set_slot(request.slot());
    reply.mutable_forked()->set_pid(pid);
    (void)WriteMessage(socket, reply);
  }
}

/// Turns the test binary into the fake when it was started as one.
class BecomeTrainerIfAsked : public testing::Environment {
 public:
  void SetUp() override {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    const std::string line((std::istreambuf_iterator<char>(file)), {});
    if (std::getenv("KILN_SOCKET_FD") == nullptr) {
      return;
    }
    if (line.find("--parent") != line.npos) {
      if (std::getenv("KILN_FAKE_BROKEN_PARENT") != nullptr) {
        std::fprintf(stderr, "cannot load LibTorch\n");
        _exit(5);
      }
      RunParent(3);
    } else if (line.find("--single") != line.npos) {
      Job(3).Serve();
    }
  }
};

inline testing::Environment* const kBecomeTrainerIfAsked =
    testing::AddGlobalTestEnvironment(new BecomeTrainerIfAsked);

}  // namespace graphkiln::worker::fake
