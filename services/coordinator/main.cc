// kiln-coordinator: flags, signals, the `ready` line. All else is services/coordinator/server.h.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/signals.h"
#include "common/base/status.h"
#include "fmt/format.h"
#include "services/coordinator/rpc/connection_acceptor.h"
#include "services/coordinator/server.h"

namespace graphkiln::coordinator {
namespace {

constexpr uint64_t kMaxSecretBytes = 1 << 20;

struct Flags {
  std::string state;
  std::string host = "127.0.0.1";
  int port = 50051;
  int http_port = 8080;
  std::string token_file;
  std::string tls_cert;
  std::string tls_key;
  std::string client_ca;
  std::string worker_host;
  int worker_port = -1;  // none
  double connection_age_seconds = absl::ToDoubleSeconds(GrpcOptions().max_connection_age);
  double connection_grace_seconds = absl::ToDoubleSeconds(GrpcOptions().max_connection_age_grace);
  int max_connections = 0;
  std::string log_level = "info";
};

std::string DefaultStateDir() {
  if (const char* xdg = std::getenv("XDG_STATE_HOME"); xdg != nullptr && *xdg != '\0') {
    return JoinPath(xdg, "graphkiln");
  }
  const char* home = std::getenv("HOME");
  return JoinPath(home == nullptr || *home == '\0' ? "." : home, ".local/state/graphkiln");
}

absl::StatusOr<Authenticator> ReadTokens(const Flags& flags) {
  if (!flags.token_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(flags.token_file, kMaxSecretBytes));
    return Authenticator::FromText(text);
  }
  if (const char* token = std::getenv("KILN_TOKEN"); token != nullptr && *token != '\0') {
    return Authenticator::FromText(token);
  }
  return Authenticator();
}

absl::StatusOr<ServerOptions> OptionsOf(const Flags& flags) {
  ServerOptions options;
  options.state_dir = flags.state.empty() ? DefaultStateDir() : flags.state;
  options.grpc.host = flags.host;
  options.grpc.port = flags.port;
  options.http_port = flags.http_port;
  ASSIGN_OR_RETURN(options.authenticator, ReadTokens(flags));
  if (flags.tls_cert.empty() != flags.tls_key.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key go together");
  }
  if (!flags.tls_cert.empty()) {
    ASSIGN_OR_RETURN(options.grpc.tls_certificate, ReadFile(flags.tls_cert, kMaxSecretBytes));
    ASSIGN_OR_RETURN(options.grpc.tls_key, ReadFile(flags.tls_key, kMaxSecretBytes));
  }
  if (!flags.client_ca.empty()) {
    ASSIGN_OR_RETURN(options.grpc.client_ca, ReadFile(flags.client_ca, kMaxSecretBytes));
  }
  options.grpc.max_connections = flags.max_connections;
  options.grpc.max_connection_age = absl::Seconds(flags.connection_age_seconds);
  options.grpc.max_connection_age_grace = absl::Seconds(flags.connection_grace_seconds);
  if (flags.worker_port >= 0) {
    // Re-connecting costs a worker nothing, and its transfers are tried again.
    options.worker_grpc = options.grpc;
    options.worker_grpc->host = flags.worker_host.empty() ? flags.host : flags.worker_host;
    options.worker_grpc->port = flags.worker_port;
    options.grpc.client_ca.clear();  // people bring tokens; a proxy may end their TLS
  } else if (!flags.worker_host.empty()) {
    return absl::InvalidArgumentError("--worker-host wants --worker-port");
  }
  return options;
}

int Run(const Flags& flags) {
  // Signals are waited for by this thread; every thread started later inherits the mask.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  IgnoreFileSizeSignal();
  RaiseDescriptorLimit();

  auto options = OptionsOf(flags);
  if (!options.ok()) {
    KILN_ERROR("{}", MessageOf(options.status()));
    return 2;
  }
  auto server = Server::Start(*std::move(options));
  if (!server.ok()) {
    KILN_ERROR("{}", MessageOf(server.status()));
    return 1;
  }
  const std::optional<std::string> workers = (*server)->worker_address();
  fmt::print("ready grpc={} http={}{}\n", (*server)->grpc_address(), (*server)->http_address(),
             workers.has_value() ? " worker=" + *workers : "");
  std::fflush(stdout);
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  KILN_INFO("stopping on signal {}", signal_number);
  (*server)->Stop();
  return 0;
}

}  // namespace
}  // namespace graphkiln::coordinator

int main(int argc, char** argv) {
  graphkiln::coordinator::Flags flags;
  CLI::App app{"GraphKiln's coordinator: the public API, the queue and the store."};
  app.set_version_flag("--version", std::string("kiln-coordinator ") + KILN_VERSION);
  app.add_option("--state", flags.state,
                 "state directory (default: $XDG_STATE_HOME or ~/.local/state, graphkiln)");
  app.add_option("--host", flags.host, "address to listen on, or unix:PATH")->capture_default_str();
  app.add_option("--port", flags.port, "port of gRPC; 0 picks a free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  app.add_option("--http-port", flags.http_port, "port of HTTP on loopback; 0 picks a free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  app.add_option("--token-file", flags.token_file,
                 "lines `TOKEN [NAME [ROLE,ROLE...]]`, a worker's NAME being its own (`pool-*`: of "
                 "a pool); $KILN_TOKEN gives a single one");
  app.add_option("--tls-cert", flags.tls_cert, "certificate chain, PEM");
  app.add_option("--tls-key", flags.tls_key, "private key, PEM");
  app.add_option(
      "--client-ca", flags.client_ca,
      "authority of workers' certificates, PEM: workers must show one, and its DNS names "
      "say which workers they are; use it for nothing else");
  app.add_option("--worker-port", flags.worker_port,
                 "port for workers alone, which then get none at --port; 0 picks a free one")
      ->check(CLI::Range(0, 65535));
  app.add_option("--worker-host", flags.worker_host,
                 "address of --worker-port; default: that of --host");
  app.add_option("--max-connection-age", flags.connection_age_seconds,
                 "seconds after which a connection is to be opened anew")
      ->check(CLI::Range(0.1, 1e6))
      ->capture_default_str();
  app.add_option("--max-connection-age-grace", flags.connection_grace_seconds,
                 "seconds that calls have to end then")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_option("--max-connections", flags.max_connections,
                 "most connections of a port; 0: by the descriptors that the process may open")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_option("--log-level", flags.log_level, "debug, info, warn, error or off")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  graphkiln::InitLogging("kiln-coordinator", graphkiln::LogLevelFromName(flags.log_level));
  return graphkiln::coordinator::Run(flags);
}
