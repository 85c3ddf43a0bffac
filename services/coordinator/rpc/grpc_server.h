// One gRPC port: one thin service per proto service, made from the method table; health and
// reflection; keepalive, limits and quotas of `service.md` section 2 (ADR 0001 tells why it is
// built so).
//
// The server (server.h) starts and stops it: one for everybody, and one for workers where they have
// a port of their own. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/coordinator/rpc/connection_acceptor.h"
#include "services/coordinator/rpc/dispatcher.h"
#include "services/coordinator/rpc/grpc_options.h"
#include "services/coordinator/rpc/grpc_stream.h"

namespace graphkiln::coordinator {

class GrpcServer {
 public:
  /// `dispatcher` must outlive it. Errors: FAILED_PRECONDITION when the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const GrpcOptions& options,
                                                           Dispatcher* dispatcher);
  /// Shutdown at once.
  ~GrpcServer();

  /// `HOST:PORT` as bound.
  const std::string& address() const { return address_; }
  int port() const { return port_; }
  /// Health of every service and of the server as a whole.
  void SetServing(bool serving);
  /// Finishes all streams with UNAVAILABLE; new calls are refused by the dispatcher.
  void DrainStreams() { streams_.DrainAll(); }
  /// Waits for running calls until `grace` is over, then cuts them off. Idempotent.
  void Shutdown(absl::Duration grace);
  size_t live_streams() const { return streams_.size(); }
  /// A channel to this server without a socket (tests).
  std::shared_ptr<grpc::Channel> InProcessChannel();

 private:
  class TableService;
  GrpcServer(const GrpcOptions& options, Dispatcher* dispatcher);

  Dispatcher& dispatcher_;
  const std::vector<std::string> offered_;  // names of services
  StreamRegistry streams_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ConnectionAcceptor> acceptor_;  // null for unix:PATH
  std::string address_;
  int port_ = 0;
  bool shut_down_ = false;
};

}  // namespace graphkiln::coordinator
