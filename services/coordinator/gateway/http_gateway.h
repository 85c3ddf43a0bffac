// A small HTTP/1.1 server on loopback: /metrics, /healthz, /readyz and a line of text at /.
//
// One thread of its own runs everything; requests are bounded in size, time and number of
// connections. main.cc starts and stops it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace graphkiln::coordinator {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// What the gateway shows. All are called on its thread and return quickly.
struct GatewaySources {
  std::function<std::string()> metrics;  // exposition text
  std::function<absl::Status()> ready;   // OK while the server takes work
  std::string banner;                    // of GET /
};

/// Pure: the answer to a request.
HttpAnswer AnswerHttp(const GatewaySources& sources, std::string_view method,
                      std::string_view target);

class HttpGateway {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    int port = 0;  // 0 picks a free one
    int max_connections = 128;
    int idle_seconds = 30;
  };
  /// Errors: FAILED_PRECONDITION when the address cannot be bound, INVALID_ARGUMENT for a bad one.
  static absl::StatusOr<std::unique_ptr<HttpGateway>> Start(const Options& options,
                                                            GatewaySources sources);
  /// Closes all connections and joins the thread.
  ~HttpGateway();
  HttpGateway(const HttpGateway&) = delete;
  HttpGateway& operator=(const HttpGateway&) = delete;

  /// `HOST:PORT` as bound.
  const std::string& address() const { return address_; }
  int port() const { return port_; }

 private:
  class Impl;
  HttpGateway();
  std::unique_ptr<Impl> impl_;
  std::string address_;
  int port_ = 0;
};

}  // namespace graphkiln::coordinator
