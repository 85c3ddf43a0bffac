#include "services/coordinator/rpc/grpc_server.h"

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/resource_quota.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "services/coordinator/rpc/grpc_unary.h"

namespace graphkiln::coordinator {
namespace {

constexpr int kMaxMetadataBytes = 8 * 1024;
constexpr int kMaxSendBytes = 64 << 20;

// gRPC's own lines repeat what its status says, at length; they are for debugging.
void LogGrpc(gpr_log_func_args* args) {
  KILN_DEBUG("grpc: {}:{}: {}", BaseName(args->file), args->line, args->message);
}

// Static state of gRPC; before the first builder.
void EnablePlugins() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function(LogGrpc);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(
      std::min<int64_t>(absl::ToInt64Milliseconds(duration), std::numeric_limits<int>::max()));
}

std::shared_ptr<grpc::ServerCredentials> CredentialsFor(const GrpcOptions& options) {
  if (options.tls_certificate.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions tls(
      options.client_ca.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
      : options.require_client_certificate
          ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
          : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = options.client_ca;
  tls.pem_key_cert_pairs.push_back({options.tls_key, options.tls_certificate});
  return grpc::SslServerCredentials(tls);
}

std::string ListenAddress(const GrpcOptions& options) {
  if (options.host.rfind("unix:", 0) == 0) return options.host;
  const bool ipv6 = options.host.find(':') != std::string::npos && options.host.front() != '[';
  return fmt::format("{}{}{}:{}", ipv6 ? "[" : "", options.host, ipv6 ? "]" : "", options.port);
}

}  // namespace

// The same registration that generated code makes for raw callback methods, but from the table. All
// streaming kinds are alike on the wire, so one bidirectional reactor serves them.
class GrpcServer::TableService final : public grpc::Service {
 public:
  TableService(const std::string& service, Dispatcher& dispatcher, StreamRegistry& streams) {
    int index = 0;
    for (const MethodEntry& method : dispatcher.table().entries()) {
      if (method.service != service) continue;
      const bool unary = method.kind == MethodKind::kUnary;
      AddMethod(new grpc::internal::RpcServiceMethod(
          method.name.c_str(),
          unary ? grpc::internal::RpcMethod::NORMAL_RPC : grpc::internal::RpcMethod::BIDI_STREAMING,
          nullptr));
      MarkMethodRawCallback(
          index++, unary ? Unary(dispatcher, method) : Streaming(dispatcher, streams, method));
    }
  }

 private:
  static grpc::internal::MethodHandler* Unary(Dispatcher& dispatcher, const MethodEntry& method) {
    return new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
        [&dispatcher, &method](grpc::CallbackServerContext* context,
                               const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
          return StartUnaryCall(dispatcher, method, context, request, response);
        });
  }

  static grpc::internal::MethodHandler* Streaming(Dispatcher& dispatcher, StreamRegistry& streams,
                                                  const MethodEntry& method) {
    return new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
        [&dispatcher, &streams, &method](grpc::CallbackServerContext* context) {
          auto reactor = std::make_shared<StreamReactor>(dispatcher, streams, method);
          reactor->Start(context);
          return reactor.get();
        });
  }
};

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const GrpcOptions& options,
                                                              Dispatcher* dispatcher) {
  EnablePlugins();
  std::unique_ptr<GrpcServer> server(new GrpcServer(options, dispatcher));
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive_time));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             Milliseconds(options.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(options.min_ping_interval));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // gRPC reads the largest int as "never".
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             Milliseconds(options.max_connection_age));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             Milliseconds(options.max_connection_age_grace));
  // A connection that says nothing holds its place no longer than this.
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             Milliseconds(options.handshake_timeout));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams_per_connection);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  // A stalled upload costs the window and one message (M3); 1 MiB keeps a fast one going.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 20);
  // The largest limit of the table, and room for what is counted beside the message.
  builder.SetMaxReceiveMessageSize(static_cast<int>(kGraphLimit) + 1024);
  builder.SetMaxSendMessageSize(kMaxSendBytes);
  grpc::ResourceQuota quota("coordinator");
  quota.Resize(options.quota_bytes);
  builder.SetResourceQuota(quota);

  const bool is_unix = options.host.rfind("unix:", 0) == 0;
  ConnectionAcceptor::Sink sink;
  if (is_unix) {
    builder.AddListeningPort(options.host, CredentialsFor(options));
  } else {
    ASSIGN_OR_RETURN(
        server->acceptor_,
        ConnectionAcceptor::Listen({options.host, options.port, options.max_connections,
                                    options.on_connections, options.on_refused_connection}));
    sink = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        CredentialsFor(options));
  }
  for (const std::string& name : server->offered_) {
    server->services_.push_back(
        std::make_unique<TableService>(name, server->dispatcher_, server->streams_));
    builder.RegisterService(server->services_.back().get());
  }
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("cannot listen on {}", ListenAddress(options)));
  }
  GrpcOptions bound = options;
  if (!is_unix) {
    bound.port = server->port_ = server->acceptor_->port();
    server->acceptor_->Run(std::move(sink));
  }
  server->address_ = ListenAddress(bound);
  return server;
}

GrpcServer::GrpcServer(const GrpcOptions& options, Dispatcher* dispatcher)
    : dispatcher_(*dispatcher),
      offered_(options.services.empty() ? dispatcher->table().services() : options.services) {}

GrpcServer::~GrpcServer() { Shutdown(absl::ZeroDuration()); }

void GrpcServer::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  if (health == nullptr) return;
  health->SetServingStatus(serving);
  for (const std::string& name : offered_) {
    health->SetServingStatus(name, serving);
  }
}

void GrpcServer::Shutdown(absl::Duration grace) {
  if (server_ == nullptr || shut_down_) return;
  shut_down_ = true;
  if (acceptor_ != nullptr) acceptor_->Stop();
  server_->Shutdown(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                 gpr_time_from_millis(Milliseconds(grace), GPR_TIMESPAN)));
  server_->Wait();
}

std::shared_ptr<grpc::Channel> GrpcServer::InProcessChannel() {
  return server_->InProcessChannel(grpc::ChannelArguments());
}

}  // namespace graphkiln::coordinator
