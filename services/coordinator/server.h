// The coordinator as one object: store, queue, handlers, gRPC and HTTP, started and stopped in
// order.
//
// main.cc makes one from flags; tests make one in-process. Start and Stop belong to one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "services/coordinator/core/options.h"
#include "services/coordinator/rpc/auth.h"
#include "services/coordinator/rpc/grpc_options.h"

namespace graphkiln::coordinator {

class GrpcServer;
class JobQueue;

struct ServerOptions {
  std::string state_dir;
  GrpcOptions grpc;
  /// A port for workers alone; then `grpc` serves none of their methods. Where a client CA is given
  /// it asks for a certificate, else (loopback) for what `grpc` asks.
  std::optional<GrpcOptions> worker_grpc;
  std::string http_host = "127.0.0.1";
  int http_port = 0;
  Authenticator authenticator;
  CoreOptions core;
  absl::Duration housekeeping_interval = absl::Hours(1);
  absl::Duration upload_grace = absl::Hours(24);  // of uploads that nothing refers to
  int executor_threads = 0;                       // 0: by the number of cores
  size_t max_waiting_requests = 1024;
  int64_t max_artifact_bytes = int64_t{64} << 30;
  absl::Duration progress_interval = absl::Seconds(15);
  absl::Duration coalesce_interval = absl::Milliseconds(50);
  Clock* clock = nullptr;  // null: the system's
};

class Server {
 public:
  /// Opens the state, restores the queue, then listens. Errors say what to do.
  static absl::StatusOr<std::unique_ptr<Server>> Start(ServerOptions options);
  /// Stop with the default grace.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const std::string& grpc_address() const;
  /// Of the port for workers, where there is one.
  std::optional<std::string> worker_address() const;
  const std::string& http_address() const;
  int grpc_port() const;
  int http_port() const;

  /// Readiness off, streams end with UNAVAILABLE, running calls get `grace`, then the store is
  /// flushed. Idempotent.
  void Stop(absl::Duration grace = absl::Seconds(2));

  /// For tests.
  GrpcServer& grpc_server();
  JobQueue& queue();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace graphkiln::coordinator
