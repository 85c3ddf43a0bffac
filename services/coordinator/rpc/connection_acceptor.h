// Accepts the TCP connections of a gRPC port and hands them to gRPC, no more at a time than the
// process can hold. gRPC 1.51 has no bound of its own and stops accepting for good once the process
// is out of descriptors (CVE-2023-4785), so one client that opens thousands would end the service.
//
// One thread per acceptor. GrpcServer owns it; gRPC's own listener serves `unix:` paths, which only
// users of this machine reach.
#pragma once

#include <grpcpp/server_builder.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace graphkiln::coordinator {

class ConnectionAcceptor {
 public:
  struct Options {
    std::string host = "127.0.0.1";      // an address or a name; all its addresses are listened on
    int port = 0;                        // 0 picks a free one
    int max_connections = 0;             // 0: see DefaultMaxConnections
    std::function<void(int)> on_change;  // connections now open; the acceptor's thread
    std::function<void()> on_refused;    // one was beyond the bound; the acceptor's thread
  };
  using Sink = std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor>;

  /// Binds and listens; connections wait until Run. Errors: FAILED_PRECONDITION when an address
  /// cannot be bound, INVALID_ARGUMENT when the host has none.
  static absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> Listen(const Options& options);
  /// Stops accepting. Connections handed over live on.
  ~ConnectionAcceptor();

  /// Starts to accept, once; the gRPC server of `sink` has been started.
  void Run(Sink sink);
  void Stop();

  int port() const;

 private:
  class Impl;
  explicit ConnectionAcceptor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A quarter of the descriptors that this process may have: each connection holds two, files and
/// SQLite need some too. At least 16, at most 10,000.
int DefaultMaxConnections();

/// Lets the process open as many descriptors as its hard limit allows. Called once by main.
void RaiseDescriptorLimit();

}  // namespace graphkiln::coordinator
