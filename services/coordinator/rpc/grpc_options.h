// Where and how the gRPC server listens; main.cc fills it in from flags.
#pragma once

#include <cstddef>
#include <string>

#include "absl/time/time.h"

namespace graphkiln::coordinator {

struct GrpcOptions {
  std::string host = "127.0.0.1";  // or `unix:PATH`
  int port = 0;                    // 0 picks a free one
  std::string tls_certificate;     // PEM; empty: no TLS
  std::string tls_key;             // PEM
  size_t quota_bytes = 512u << 20;
  int max_streams_per_connection = 1000;
  absl::Duration keepalive_time = absl::Seconds(30);
  absl::Duration keepalive_timeout = absl::Seconds(10);
  absl::Duration min_ping_interval = absl::Seconds(10);
};

}  // namespace graphkiln::coordinator
