#include "services/coordinator/rpc/connection_acceptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "common/base/status.h"

namespace graphkiln::coordinator {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::chrono::milliseconds kAcceptPause{100};

bool Ended(int fd) {
  pollfd poll_for{fd, 0, 0};
  return poll(&poll_for, 1, 0) > 0 && (poll_for.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace

class ConnectionAcceptor::Impl {
 public:
  explicit Impl(const Options& options) : options_(options) {
    if (options_.max_connections <= 0) options_.max_connections = DefaultMaxConnections();
  }
  ~Impl() { Stop(); }

  absl::Status Listen() {
    error_code error;
    tcp::resolver resolver(io_);
    const bool bracketed = !options_.host.empty() && options_.host.front() == '[';
    const std::string host =
        bracketed ? options_.host.substr(1, options_.host.size() - 2) : options_.host;
    const auto found = resolver.resolve(host, "0", tcp::resolver::passive, error);
    if (error) {
      return absl::InvalidArgumentError(
          fmt::format("{} is not an address: {}", options_.host, error.message()));
    }
    port_ = options_.port;
    for (const auto& entry : found) {
      tcp::acceptor acceptor(io_);
      const tcp::endpoint endpoint(entry.endpoint().address(), static_cast<uint16_t>(port_));
      acceptor.open(endpoint.protocol(), error);
      // A restart finds the port in TIME_WAIT; a second coordinator is still refused.
      if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
      if (!error) acceptor.bind(endpoint, error);
      if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
      if (error) {
        const std::string why = error == asio::error::address_in_use
                                    ? "the address is taken (another coordinator? --port 0 picks a "
                                      "free port)"
                                    : error.message();
        return absl::FailedPreconditionError(
            fmt::format("cannot listen on {}:{}: {}", options_.host, port_, why));
      }
      port_ = acceptor.local_endpoint().port();
      listeners_.push_back(std::make_unique<Listener>(std::move(acceptor)));
    }
    return absl::OkStatus();
  }

  void Run(Sink sink) {
    sink_ = std::move(sink);
    for (const auto& listener : listeners_) Accept(*listener);
    thread_ = std::thread([this] { io_.run(); });
  }

  void Stop() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    listeners_.clear();
  }

  int port() const { return port_; }

 private:
  struct Listener {
    explicit Listener(tcp::acceptor a) : acceptor(std::move(a)), retry(acceptor.get_executor()) {}
    tcp::acceptor acceptor;
    asio::steady_timer retry;
  };
  // A second descriptor of a connection that gRPC owns the first of: gRPC shuts the socket down
  // when it is done with it, which shows here.
  using Watched = std::list<asio::posix::stream_descriptor>;

  void Accept(Listener& listener) {
    listener.acceptor.async_accept([this, &listener](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      // Out of descriptors or memory: the connection stays in the backlog, so accepting again at
      // once would only spin.
      if (error) return AcceptLater(listener);
      if (static_cast<int>(open_.size()) < options_.max_connections) {
        full_ = false;
        HandOver(listener, std::move(socket));
      } else {
        Refuse();  // closed as its socket goes out of scope
      }
      Accept(listener);
    });
  }

  void AcceptLater(Listener& listener) {
    listener.retry.expires_after(kAcceptPause);
    listener.retry.async_wait([this, &listener](error_code error) {
      if (!error) Accept(listener);
    });
  }

  void HandOver(Listener& listener, tcp::socket socket) {
    error_code error;
    socket.set_option(tcp::no_delay(true), error);
    const int second = fcntl(socket.native_handle(), F_DUPFD_CLOEXEC, 0);
    if (second < 0) return Refuse();
    const int first = socket.release(error);
    if (error || first < 0) {
      close(second);
      return Refuse();
    }
    fcntl(first, F_SETFL, fcntl(first, F_GETFL) | O_NONBLOCK);
    fcntl(first, F_SETFD, FD_CLOEXEC);
    open_.emplace_back(io_, second);
    Watch(std::prev(open_.end()));
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.listener_fd = listener.acceptor.native_handle();
    connection.fd = first;
    sink_->HandleNewConnection(&connection);
    Changed();
  }

  void Watch(Watched::iterator at) {
    at->async_wait(asio::posix::stream_descriptor::wait_error, [this, at](error_code error) {
      if (error == asio::error::operation_aborted) return;
      // Urgent data wakes this too and means nothing.
      if (!error && !Ended(at->native_handle())) return Watch(at);
      open_.erase(at);
      Changed();
    });
  }

  void Refuse() {
    if (options_.on_refused) options_.on_refused();
    if (std::exchange(full_, true)) return;  // one line for a burst
    KILN_WARN("port {}: connections are refused, {} are open", port_, open_.size());
  }

  void Changed() {
    if (options_.on_change) options_.on_change(static_cast<int>(open_.size()));
  }

  Options options_;
  int port_ = 0;
  Sink sink_;
  asio::io_context io_{1};
  std::vector<std::unique_ptr<Listener>> listeners_;
  Watched open_;       // the acceptor's thread
  bool full_ = false;  // so is this
  std::thread thread_;
};

ConnectionAcceptor::ConnectionAcceptor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ConnectionAcceptor::~ConnectionAcceptor() = default;

absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> ConnectionAcceptor::Listen(
    const Options& options) {
  auto impl = std::make_unique<Impl>(options);
  RETURN_IF_ERROR(impl->Listen());
  return std::unique_ptr<ConnectionAcceptor>(new ConnectionAcceptor(std::move(impl)));
}

void ConnectionAcceptor::Run(Sink sink) { impl_->Run(std::move(sink)); }
void ConnectionAcceptor::Stop() { impl_->Stop(); }
int ConnectionAcceptor::port() const { return impl_->port(); }

int DefaultMaxConnections() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 16;
  return static_cast<int>(std::clamp<rlim_t>(limit.rlim_cur / 4, 16, 10'000));
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace graphkiln::coordinator
