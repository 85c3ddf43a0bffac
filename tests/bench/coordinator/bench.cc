// Figures of the coordinator's core and store (SQLite, synchronous=FULL), one JSON line each:
//
//   ninja -C build/release kiln-coordinator-bench
//   build/release/bin/kiln-coordinator-bench [--state DIR] [--jobs 100000] [--clients 256]
//
//   coordinator.submits     durable submits per second with so many clients waiting; beside it, as
//                           peer, how often this disk makes 4 KiB durable in the same run
//   coordinator.points      metric points per second of one worker, all durable
//   coordinator.dispatch    p99 of submit to order, two commits included
//   coordinator.restart     Server::Start on the state of all those jobs, in a process of its own
//   coordinator.rss_idle, coordinator.rss_jobs   resident memory of such a process, empty and full
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/resources.h"
#include "common/base/status.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "tests/bench/coordinator/figures.h"

namespace graphkiln::coordinator::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::string state;
  int jobs = 100'000;
  int clients = 256;
  int64_t points = 4'000'000;
  int rounds = 1'000;
  bool child = false;  // started by this program itself
};

void Print(const std::string& name, double value, const std::string& unit,
           std::optional<double> peer = std::nullopt, Json more = Json::object()) {
  Json line = {{"name", "coordinator." + name}, {"value", value}, {"unit", unit}};
  line["peer"] = peer.has_value() ? Json(*peer) : Json();
  line["ratio"] = peer.has_value() ? Json(value / *peer) : Json();
  line.update(more);
  fmt::print("{}\n", line.dump());
  std::fflush(stdout);
}

absl::StatusOr<std::unique_ptr<Server>> Start(const std::string& state) {
  ServerOptions options;
  options.state_dir = state;
  return Server::Start(std::move(options));
}

// What the child prints: seconds of the start, then resident bytes.
absl::Status Child(const std::string& state) {
  const absl::Duration start = SystemClock().Monotonic();
  ASSIGN_OR_RETURN(const auto server, Start(state));
  const double seconds = absl::ToDoubleSeconds(SystemClock().Monotonic() - start);
  fmt::print("{} {}\n", seconds, ResidentBytes());
  return absl::OkStatus();
}

struct Started {
  double seconds = 0;
  double bytes = 0;
};
absl::StatusOr<Started> StartInAProcess(const std::string& state) {
  const std::string command =
      fmt::format("'{}/kiln-coordinator-bench' --child --state '{}'", ExecutableDir(), state);
  FILE* pipe = ::popen(command.c_str(), "r");
  Started started;
  const bool read =
      pipe != nullptr && std::fscanf(pipe, "%lf %lf", &started.seconds, &started.bytes) == 2;
  if (pipe == nullptr || ::pclose(pipe) != 0 || !read) {
    return absl::InternalError("the second process failed");
  }
  return started;
}

absl::Status Measure(const Flags& flags, const std::string& folder) {
  ASSIGN_OR_RETURN(const Started idle, StartInAProcess(JoinPath(folder, "empty")));
  Print("rss_idle", idle.bytes / 1e6, "MB");
  const std::string state = JoinPath(folder, "state");
  {
    ASSIGN_OR_RETURN(const auto server, Start(state));
    ASSIGN_OR_RETURN(const std::vector<double> dispatch, DispatchSeconds(*server, flags.rounds));
    Print("dispatch_p99", dispatch[dispatch.size() * 99 / 100] * 1e3, "ms", std::nullopt,
          {{"median", dispatch[dispatch.size() / 2] * 1e3}, {"rounds", flags.rounds}});
    ASSIGN_OR_RETURN(const double points, PointsPerSecond(*server, flags.points));
    Print("points", points, "1/s", std::nullopt, {{"points", flags.points}});
    ASSIGN_OR_RETURN(const double raw, RawSyncsPerSecond(state));
    ASSIGN_OR_RETURN(const double submits, SubmitsPerSecond(*server, flags.jobs, flags.clients));
    Print("submits", submits, "1/s", raw,
          {{"peer_name", "raw fdatasync of 4 KiB"},
           {"clients", flags.clients},
           {"jobs", flags.jobs}});
  }
  ASSIGN_OR_RETURN(const Started full, StartInAProcess(state));
  Print("restart", full.seconds, "s", std::nullopt, {{"jobs", flags.jobs}});
  Print("rss_jobs", full.bytes / 1e6, "MB", std::nullopt, {{"jobs", flags.jobs}});
  return absl::OkStatus();
}

int Run(const Flags& flags) {
  absl::Status status;
  if (flags.child) {
    status = Child(flags.state);
  } else if (auto folder = flags.state.empty() ? MakeTempDir("kiln-coordinator-bench-")
                                               : absl::StatusOr<std::string>(flags.state);
             !folder.ok()) {
    status = folder.status();
  } else {
    status = MakeDirs(*folder);
    if (status.ok()) status = Measure(flags, *folder);
    if (flags.state.empty()) RemoveTree(*folder).IgnoreError();
  }
  if (status.ok()) return 0;
  fmt::print(stderr, "{}\n", MessageOf(status));
  return 1;
}

}  // namespace
}  // namespace graphkiln::coordinator::bench

int main(int argc, char** argv) {
  graphkiln::coordinator::bench::Flags flags;
  CLI::App app("Figures of the coordinator's core and store.", "kiln-coordinator-bench");
  app.add_option("--state", flags.state,
                 "folder on the disk to measure, empty; default: temporary");
  app.add_option("--jobs", flags.jobs, "jobs to submit")->check(CLI::Range(1, 140'000));
  app.add_option("--clients", flags.clients, "submits under way")->check(CLI::Range(1, 100'000));
  app.add_option("--points", flags.points, "metric points");
  app.add_option("--rounds", flags.rounds, "dispatches")->check(CLI::Range(1, 1'000'000));
  app.add_flag("--child", flags.child)->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  graphkiln::InitLogging("bench", graphkiln::LogLevel::kError);
  return graphkiln::coordinator::bench::Run(flags);
}
