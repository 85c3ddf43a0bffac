#include "services/coordinator/gateway/http_gateway.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "common/base/status.h"

namespace graphkiln::coordinator {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr uint32_t kMaxHeaderBytes = 8 * 1024;
constexpr uint64_t kMaxBodyBytes = 64 * 1024;
constexpr std::chrono::milliseconds kAcceptPause{100};

// One connection: reads a request, answers it, again. Gateway thread only.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const GatewaySources& sources, std::chrono::seconds idle,
             int& open_connections)
      : stream_(std::move(socket)),
        sources_(sources),
        idle_(idle),
        open_connections_(open_connections) {
    ++open_connections_;
  }
  ~Connection() { --open_connections_; }

  void Read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(kMaxBodyBytes);
    stream_.expires_after(idle_);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, size_t) { self->OnRead(error); });
  }

 private:
  void OnRead(error_code error) {
    if (error == http::error::header_limit || error == http::error::body_limit) {
      return Write({413, "text/plain; charset=utf-8", "the request is too large\n"}, 11, false,
                   false);
    }
    if (error) return Close();
    const auto& request = parser_->get();
    const beast::string_view target = request.target();
    const beast::string_view method = request.method_string();
    HttpAnswer answer =
        AnswerHttp(sources_, {method.data(), method.size()}, {target.data(), target.size()});
    Write(std::move(answer), request.version(), request.keep_alive(),
          request.method() == http::verb::head);
  }

  void Write(HttpAnswer answer, unsigned version, bool keep_alive, bool head) {
    response_ = {static_cast<http::status>(answer.status), version};
    response_.set(http::field::content_type, answer.content_type);
    response_.set(http::field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    if (answer.status == 405) response_.set(http::field::allow, "GET, HEAD");
    response_.keep_alive(keep_alive);
    response_.content_length(answer.body.size());
    if (!head) response_.body() = std::move(answer.body);
    http::async_write(stream_, response_,
                      [self = shared_from_this(), keep_alive](error_code error, size_t) {
                        if (error || !keep_alive) return self->Close();
                        self->Read();
                      });
  }

  void Close() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  beast::tcp_stream stream_;
  const GatewaySources& sources_;
  const std::chrono::seconds idle_;
  int& open_connections_;
  beast::flat_buffer buffer_{kMaxHeaderBytes + kMaxBodyBytes};
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

}  // namespace

HttpAnswer AnswerHttp(const GatewaySources& sources, std::string_view method,
                      std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (method != "GET" && method != "HEAD") return {405, {}, "only GET and HEAD are served here\n"};
  if (path == "/") return {200, "text/plain; charset=utf-8", sources.banner};
  if (path == "/healthz") return {200, "text/plain; charset=utf-8", "ok\n"};
  if (path == "/readyz") {
    const absl::Status ready = sources.ready();
    if (ready.ok()) return {200, "text/plain; charset=utf-8", "ready\n"};
    return {503, "text/plain; charset=utf-8", fmt::format("not ready: {}\n", MessageOf(ready))};
  }
  if (path == "/metrics")
    return {200, "text/plain; version=0.0.4; charset=utf-8", sources.metrics()};
  return {404, "text/plain; charset=utf-8", "there is /metrics, /healthz and /readyz\n"};
}

class HttpGateway::Impl {
 public:
  Impl(const Options& options, GatewaySources sources)
      : options_(options), sources_(std::move(sources)), acceptor_(io_) {}

  ~Impl() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::StatusOr<int> Listen() {
    error_code error;
    const std::string host = options_.host == "localhost" ? "127.0.0.1" : options_.host;
    const asio::ip::address address = asio::ip::make_address(host, error);
    if (error) {
      return absl::InvalidArgumentError(fmt::format("{} is not an address", options_.host));
    }
    const tcp::endpoint endpoint(address, static_cast<uint16_t>(options_.port));
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return absl::FailedPreconditionError(
          fmt::format("cannot listen on {}:{} for HTTP: {} (--http-port 0 picks a free port)",
                      options_.host, options_.port, error.message()));
    }
    const int port = acceptor_.local_endpoint().port();
    Accept();
    thread_ = std::thread([this] { io_.run(); });
    return port;
  }

 private:
  void Accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      // Out of descriptors or memory: the connection stays in the backlog, so accepting again at
      // once would only spin.
      if (error) return AcceptLater();
      // Beyond the limit a connection is closed at once: its socket goes out of scope here.
      if (open_connections_ < options_.max_connections) {
        std::make_shared<Connection>(std::move(socket), sources_,
                                     std::chrono::seconds(options_.idle_seconds), open_connections_)
            ->Read();
      }
      Accept();
    });
  }

  void AcceptLater() {
    retry_.expires_after(kAcceptPause);
    retry_.async_wait([this](error_code error) {
      if (!error) Accept();
    });
  }

  const Options options_;
  const GatewaySources sources_;
  int open_connections_ = 0;  // gateway thread; outlives the connections that io_ holds
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer retry_{io_};
  std::thread thread_;
};

HttpGateway::HttpGateway() = default;
HttpGateway::~HttpGateway() = default;

absl::StatusOr<std::unique_ptr<HttpGateway>> HttpGateway::Start(const Options& options,
                                                                GatewaySources sources) {
  std::unique_ptr<HttpGateway> gateway(new HttpGateway());
  gateway->impl_ = std::make_unique<Impl>(options, std::move(sources));
  ASSIGN_OR_RETURN(gateway->port_, gateway->impl_->Listen());
  gateway->address_ = fmt::format("{}:{}", options.host, gateway->port_);
  return gateway;
}

}  // namespace graphkiln::coordinator
