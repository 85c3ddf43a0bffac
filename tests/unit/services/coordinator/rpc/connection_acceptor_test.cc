// Real sockets against a real gRPC server that is given its connections by the acceptor.
#include "services/coordinator/rpc/connection_acceptor.h"

#include <arpa/inet.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "common/base/status_matchers.h"

namespace graphkiln::coordinator {
namespace {

constexpr int kPatience = 30'000;  // milliseconds until a test is stuck

class Socket {
 public:
  explicit Socket(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;

  // gRPC greets whom it serves with its settings; who is refused sees the end of the stream.
  bool Served() {
    pollfd poll_for{fd_, POLLIN, 0};
    if (poll(&poll_for, 1, kPatience) != 1) return false;
    char byte = 0;
    return recv(fd_, &byte, 1, 0) == 1;
  }
  void SendUrgent() { EXPECT_EQ(send(fd_, "!", 1, MSG_OOB), 1); }

 private:
  int fd_;
};

class ConnectionAcceptorTest : public ::testing::Test {
 protected:
  void Start(int most) {
    ConnectionAcceptor::Options options;
    options.max_connections = most;
    options.on_change = [this](int open) { Set(open_, open); };
    options.on_refused = [this] { Set(refused_, refused_ + 1); };
    ASSERT_OK_AND_ASSIGN(acceptor_, ConnectionAcceptor::Listen(options));
    grpc::ServerBuilder builder;
    builder.RegisterAsyncGenericService(&service_);
    queue_ = builder.AddCompletionQueue();
    auto sink = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    acceptor_->Run(std::move(sink));
  }
  void TearDown() override {
    if (server_ == nullptr) return;
    acceptor_->Stop();
    server_->Shutdown();
    queue_->Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_->Next(&tag, &ok)) {
    }
  }
  void Set(int& value, int to) {
    std::lock_guard lock(mu_);
    value = to;
    changed_.notify_all();
  }
  bool Await(const int& value, int wanted) {
    std::unique_lock lock(mu_);
    return changed_.wait_for(lock, std::chrono::milliseconds(kPatience),
                             [&] { return value == wanted; });
  }

  std::mutex mu_;
  std::condition_variable changed_;
  int open_ = 0, refused_ = 0;
  grpc::AsyncGenericService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ConnectionAcceptor> acceptor_;
};

TEST_F(ConnectionAcceptorTest, HoldsNoMoreThanItMay) {
  Start(2);
  Socket second(acceptor_->port());
  EXPECT_TRUE(second.Served());
  {
    Socket first(acceptor_->port());
    EXPECT_TRUE(first.Served());
    EXPECT_TRUE(Await(open_, 2));
    Socket third(acceptor_->port());
    EXPECT_FALSE(third.Served());
    EXPECT_TRUE(Await(refused_, 1));
    EXPECT_EQ(open_, 2);
  }
  // A place is free again once gRPC is done with the connection that left.
  EXPECT_TRUE(Await(open_, 1));
  Socket fourth(acceptor_->port());
  EXPECT_TRUE(fourth.Served());
}

TEST_F(ConnectionAcceptorTest, UrgentDataDoesNotMakeAConnectionUncounted) {
  Start(1);
  Socket held(acceptor_->port());
  EXPECT_TRUE(held.Served());
  for (int i = 0; i < 3; ++i) {
    held.SendUrgent();
    Socket other(acceptor_->port());
    EXPECT_FALSE(other.Served());
  }
  EXPECT_EQ(open_, 1);
}

TEST_F(ConnectionAcceptorTest, ATakenPortIsRefused) {
  Start(1);
  ConnectionAcceptor::Options options;
  options.port = acceptor_->port();
  const auto again = ConnectionAcceptor::Listen(options);
  EXPECT_EQ(again.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(again.status().message(), ::testing::HasSubstr("--port 0"));
}

TEST_F(ConnectionAcceptorTest, AHostMustHaveAnAddress) {
  ConnectionAcceptor::Options options;
  options.host = "256.1.1.1";
  EXPECT_EQ(ConnectionAcceptor::Listen(options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(DefaultMaxConnections, LeavesDescriptorsForTheRest) {
  EXPECT_GE(DefaultMaxConnections(), 16);
  EXPECT_LE(DefaultMaxConnections(), 10'000);
}

}  // namespace
}  // namespace graphkiln::coordinator
