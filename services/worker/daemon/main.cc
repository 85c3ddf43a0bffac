// kiln-worker: joins a coordinator and trains what it is given. Only wires: flags, signals, exit
// codes.
//
// SIGTERM or SIGINT drains: nothing new; jobs that run may end by themselves until the drain
// deadline, then they write a checkpoint and are given back; exit 0. A second one ends at once; the
// trainers die with this process.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/header_value.h"
#include "common/base/log.h"
#include "common/base/random.h"
#include "common/base/signals.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "fmt/format.h"
#include "services/worker/daemon/daemon.h"

namespace graphkiln::worker {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

struct Flags {
  DaemonOptions daemon;
  std::string token_file;
  std::string ca_file, cert_file, key_file;
  std::string log_level = "info";
  int drain_seconds = 30;
};

absl::StatusOr<std::string> Token(const Flags& flags) {
  if (!flags.token_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(flags.token_file, 64 << 10));
    return std::string(TrimView(text));
  }
  const char* token = std::getenv("KILN_TOKEN");
  return std::string(token == nullptr ? "" : token);
}

absl::Status ReadSecrets(Flags& flags) {
  ASSIGN_OR_RETURN(flags.daemon.token, Token(flags));
  if (!flags.daemon.token.empty() && !IsHeaderValue(flags.daemon.token)) {
    return absl::InvalidArgumentError(
        "the token (--token-file or KILN_TOKEN) holds blanks, control or other than ASCII "
        "characters");
  }
  if (flags.cert_file.empty() != flags.key_file.empty()) {
    return absl::InvalidArgumentError("--cert and --key go together");
  }
  if (!flags.cert_file.empty() && flags.ca_file.empty()) {
    return absl::InvalidArgumentError("--cert wants --ca, which switches TLS on");
  }
  for (const auto& [file, text] : {std::pair{&flags.ca_file, &flags.daemon.ca},
                                   std::pair{&flags.cert_file, &flags.daemon.certificate},
                                   std::pair{&flags.key_file, &flags.daemon.key}}) {
    if (file->empty()) {
      continue;
    }
    ASSIGN_OR_RETURN(*text, ReadFile(*file, 1 << 20));
  }
  return absl::OkStatus();
}

sigset_t StopSignals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

/// True when a stop signal came within `timeout`.
bool StopAsked(absl::Duration timeout) {
  const sigset_t set = StopSignals();
  const timespec limit = absl::ToTimespec(timeout);
  return ::sigtimedwait(&set, nullptr, &limit) > 0;
}

int Run(Flags flags) {
  if (const absl::Status read = ReadSecrets(flags); !read.ok()) {
    KILN_ERROR("{}", MessageOf(read));
    return kExitUsage;
  }
  flags.daemon.drain_deadline = absl::Seconds(flags.drain_seconds);
  std::atomic<bool> superseded = false;
  absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Start(
      flags.daemon, SystemClock(), SystemRandom(), [] { ::kill(::getpid(), SIGUSR1); },
      [&] {
        superseded = true;
        ::kill(::getpid(), SIGTERM);
      });
  if (!daemon.ok()) {
    KILN_ERROR("{}", MessageOf(daemon.status()));
    return absl::IsInvalidArgument(daemon.status()) ? kExitUsage : kExitFailure;
  }
  // The daemon's threads speak through signals too, so that one wait serves all.
  sigset_t all = StopSignals();
  ::sigaddset(&all, SIGUSR1);
  int signal = 0;
  while (::sigwait(&all, &signal) == 0 && signal == SIGUSR1) {
    std::cout << "ready worker=" << (*daemon)->name() << std::endl;
  }
  if (superseded) {
    KILN_ERROR("a newer process runs as {}; this one ends", (*daemon)->name());
    return kExitFailure;
  }
  KILN_INFO("draining, at most {} s; a second signal ends at once", flags.drain_seconds);
  (*daemon)->Drain();
  while (!(*daemon)->WaitDrained(absl::Milliseconds(200))) {
    if (StopAsked(absl::ZeroDuration())) {
      KILN_WARN("ending at once");
      // Nothing is waited for; the death signal takes the trainers along.
      ::_exit(kExitFailure);
    }
  }
  return 0;
}

}  // namespace
}  // namespace graphkiln::worker

int main(int argc, char** argv) {
  using graphkiln::worker::Flags;
  Flags flags;
  CLI::App app("GraphKiln's worker: trains what the coordinator gives it.", "kiln-worker");
  app.set_version_flag("--version", std::string("kiln-worker ") + KILN_VERSION);
  app.add_option("--coordinator", flags.daemon.coordinator, "HOST:PORT of the coordinator")
      ->envname("KILN_ENDPOINT")
      ->required();
  app.add_option("--state", flags.daemon.state_dir, "Folder for cache, results and the name")
      ->required();
  app.add_option("--name", flags.daemon.name,
                 "Name; default: from the host's name, kept in --state");
  app.add_option("--slots", flags.daemon.slots, "Jobs at a time; default: one per core")
      ->check(CLI::Range(1, 1024));
  app.add_option("--token-file", flags.token_file, "File with the token; default: KILN_TOKEN");
  app.add_option("--ca", flags.ca_file,
                 "PEM of the authority behind the coordinator's certificate; switches TLS on")
      ->envname("KILN_CA");
  app.add_option("--cert", flags.cert_file,
                 "This worker's certificate, PEM; its DNS name is --name")
      ->envname("KILN_CERT");
  app.add_option("--key", flags.key_file, "Key of the certificate, PEM")->envname("KILN_KEY");
  app.add_option("--cache-bytes", flags.daemon.cache_bytes, "Bound of the artifact cache");
  app.add_option(
         "--drain-deadline", flags.drain_seconds,
         "Seconds that jobs may run on after SIGTERM before they are checkpointed and given "
         "back")
      ->envname("KILN_DRAIN_DEADLINE")
      ->check(CLI::Range(0, 30 * 24 * 3600));
  app.add_option("--log-level", flags.log_level, "debug, info, warn, error or off")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : graphkiln::worker::kExitUsage;
  }
  graphkiln::InitLogging("kiln-worker", graphkiln::LogLevelFromName(flags.log_level));
  // Before any thread starts, so that all inherit it and the signals come to sigwait alone.
  sigset_t waited = graphkiln::worker::StopSignals();
  ::sigaddset(&waited, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &waited, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  graphkiln::IgnoreFileSizeSignal();
  return graphkiln::worker::Run(std::move(flags));
}
