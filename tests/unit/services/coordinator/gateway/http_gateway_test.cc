#include "services/coordinator/gateway/http_gateway.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <string>

#include "absl/time/time.h"
#include "common/base/status.h"

namespace graphkiln::coordinator {
namespace {

using boost::asio::ip::tcp;
using testing::HasSubstr;
using testing::StartsWith;

GatewaySources Sources(absl::Status ready = absl::OkStatus()) {
  return {[] { return std::string("metric 1\n"); }, [ready] { return ready; }, "hello\n"};
}

// Sends bytes, reads until the server closes.
std::string Exchange(int port, const std::string& request) {
  boost::asio::io_context io;
  tcp::socket socket(io);
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), static_cast<uint16_t>(port)});
  boost::system::error_code error;
  boost::asio::write(socket, boost::asio::buffer(request), error);
  std::string response;
  boost::asio::read(socket, boost::asio::dynamic_buffer(response), error);
  return response;
}
std::string Get(int port, const std::string& target, const std::string& method = "GET") {
  return Exchange(
      port, fmt::format("{} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, target));
}

TEST(HttpGatewayTest, AnswersByPath) {
  EXPECT_EQ(AnswerHttp(Sources(), "GET", "/").body, "hello\n");
  EXPECT_EQ(AnswerHttp(Sources(), "GET", "/metrics?x=1").body, "metric 1\n");
  EXPECT_THAT(AnswerHttp(Sources(), "GET", "/metrics").content_type, HasSubstr("version=0.0.4"));
  EXPECT_EQ(AnswerHttp(Sources(), "GET", "/readyz").status, 200);
  const HttpAnswer not_ready =
      AnswerHttp(Sources(absl::UnavailableError("disk")), "GET", "/readyz");
  EXPECT_EQ(not_ready.status, 503);
  EXPECT_THAT(not_ready.body, HasSubstr("disk"));
  EXPECT_EQ(AnswerHttp(Sources(absl::UnavailableError("disk")), "GET", "/healthz").status, 200);
  EXPECT_EQ(AnswerHttp(Sources(), "GET", "/../etc/passwd").status, 404);
  EXPECT_EQ(AnswerHttp(Sources(), "POST", "/metrics").status, 405);
}

TEST(HttpGatewayTest, ServesOverASocket) {
  auto gateway = HttpGateway::Start({}, Sources());
  ASSERT_TRUE(gateway.ok()) << gateway.status();
  const int port = (*gateway)->port();
  EXPECT_EQ((*gateway)->address(), fmt::format("127.0.0.1:{}", port));
  EXPECT_THAT(Get(port, "/metrics"), HasSubstr("metric 1\n"));
  const std::string head = Get(port, "/metrics", "HEAD");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK"));
  EXPECT_EQ(head.find("metric 1"), std::string::npos);
  EXPECT_THAT(Get(port, "/nothing"), StartsWith("HTTP/1.1 404"));
  // Two requests on one connection.
  const std::string two = Exchange(port,
                                   "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET / "
                                   "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(two, HasSubstr("ok\n"));
  EXPECT_THAT(two, HasSubstr("hello\n"));
}

TEST(HttpGatewayTest, RefusesWhatIsTooLargeOrNotHttp) {
  auto gateway = HttpGateway::Start({}, Sources());
  ASSERT_TRUE(gateway.ok());
  const int port = (*gateway)->port();
  EXPECT_THAT(Exchange(port, "GET /" + std::string(20000, 'x') + " HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(Exchange(port, "\x16\x03\x01 not http\r\n\r\n"), "");
  EXPECT_THAT(Get(port, "/healthz"), HasSubstr("ok"));  // and goes on
}

TEST(HttpGatewayTest, ATakenPortIsAClearError) {
  auto gateway = HttpGateway::Start({}, Sources());
  ASSERT_TRUE(gateway.ok());
  HttpGateway::Options options;
  options.port = (*gateway)->port();
  const auto second = HttpGateway::Start(options, Sources());
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(MessageOf(second.status()), HasSubstr("--http-port 0"));
  options.host = "nonsense";
  EXPECT_FALSE(HttpGateway::Start(options, Sources()).ok());
}

TEST(HttpGatewayTest, OutOfDescriptorsItWaitsInsteadOfSpinning) {
  auto gateway = HttpGateway::Start({}, Sources());
  ASSERT_TRUE(gateway.ok());
  boost::asio::io_context io;
  tcp::socket socket(io);
  socket.open(tcp::v4());
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;  // what is open stays open, nothing more can be
  setrlimit(RLIMIT_NOFILE, &none);
  socket.connect(
      {boost::asio::ip::make_address("127.0.0.1"), static_cast<uint16_t>((*gateway)->port())});
  // A spinning loop burns the processor for as long as it is let.
  const auto cpu = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
  };
  const absl::Duration cpu_before = cpu();
  for (int i = 0; i < 10; ++i) poll(nullptr, 0, 50);
  const absl::Duration used = cpu() - cpu_before;
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_LT(used, absl::Milliseconds(20));
  // The connection waited in the backlog and is served.
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  boost::asio::write(socket, boost::asio::buffer(request));
  std::string response;
  boost::system::error_code error;
  boost::asio::read(socket, boost::asio::dynamic_buffer(response), error);
  EXPECT_THAT(response, HasSubstr("ok\n"));
}

}  // namespace
}  // namespace graphkiln::coordinator
