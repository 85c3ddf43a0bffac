// Where and how a gRPC port listens; main.cc fills it in from flags.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace graphkiln::coordinator {

struct GrpcOptions {
  std::string host = "127.0.0.1";  // or `unix:PATH`
  int port = 0;                    // 0 picks a free one
  std::string tls_certificate;     // PEM; empty: no TLS
  std::string tls_key;             // PEM
  std::string client_ca;           // PEM; verifies the certificates of clients that show one
  bool require_client_certificate = false;
  std::vector<std::string> services;  // full names of those offered here; empty: all of the table
  size_t quota_bytes = 512u << 20;
  int max_streams_per_connection = 1000;
  int max_connections = 0;                      // 0: by the process's descriptors
  std::function<void(int)> on_connections;      // how many are open now; a thread of the port
  std::function<void()> on_refused_connection;  // one was beyond the bound; the same thread
  absl::Duration keepalive_time = absl::Seconds(30);
  absl::Duration keepalive_timeout = absl::Seconds(10);
  absl::Duration handshake_timeout = absl::Seconds(20);
  absl::Duration min_ping_interval = absl::Seconds(10);
  /// Connections are asked to end at this age (give or take a tenth), so that load moves to where
  /// there is room and certificates are seen again; what still runs after the grace is cut off.
  /// Watches resume by token, so the grace is for transfers. Infinite: never.
  absl::Duration max_connection_age = absl::Hours(1);
  absl::Duration max_connection_age_grace = absl::Minutes(10);
};

}  // namespace graphkiln::coordinator
