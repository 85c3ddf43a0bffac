#include "clients/cli/client.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "clients/cli/exit_code.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/header_value.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "fmt/format.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "graphkiln/v1/service_config.h"

namespace graphkiln::cli {
namespace {

constexpr std::string_view kDefaultEndpoint = "127.0.0.1:50051";
constexpr absl::Duration kConnectLimit = absl::Seconds(4);
constexpr absl::Duration kRefusedLimit = absl::Milliseconds(600);
constexpr uint64_t kMaxCertificateBytes = 1 << 20;
constexpr int kMaxMessageBytes = 64 << 20;

gpr_timespec In(absl::Duration duration) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(absl::ToInt64Nanoseconds(duration), GPR_TIMESPAN));
}

// gRPC takes nearly any text for an address and then waits for a name that nobody has.
absl::Status CheckEndpoint(std::string_view endpoint) {
  if (endpoint.starts_with("unix:") && endpoint.size() > 5) return absl::OkStatus();
  const size_t colon = endpoint.rfind(':');
  const std::string_view host = endpoint.substr(0, colon);
  const std::string_view digits = colon == endpoint.npos ? "" : endpoint.substr(colon + 1);
  const bool number = !digits.empty() && digits.size() <= 5 &&
                      digits.find_first_not_of("0123456789") == digits.npos;
  const bool name = !host.empty() && host.find_first_of("/ \t\n@?#") == host.npos;
  if (number && name && std::stoi(std::string(digits)) < 65'536) return absl::OkStatus();
  return absl::OutOfRangeError(
      fmt::format("the endpoint {} is not HOST:PORT or unix:PATH", QuoteForMessage(endpoint)));
}

absl::Status WaitForServer(grpc::Channel& channel, std::string_view endpoint) {
  const absl::Duration start = SystemClock().Monotonic();
  bool refused = false;
  while (true) {
    const grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return absl::OkStatus();
    refused = refused || state == GRPC_CHANNEL_TRANSIENT_FAILURE;
    const absl::Duration elapsed = SystemClock().Monotonic() - start;
    const absl::Duration left = (refused ? kRefusedLimit : kConnectLimit) - elapsed;
    if (left <= absl::ZeroDuration() || state == GRPC_CHANNEL_SHUTDOWN) break;
    channel.WaitForStateChange(state, In(left));
  }
  return absl::UnavailableError(
      fmt::format("no server answers at {}; start one with `kiln serve`, or name it with "
                  "--endpoint or KILN_ENDPOINT",
                  endpoint));
}

absl::StatusCode CodeOf(grpc::StatusCode code) { return static_cast<absl::StatusCode>(code); }

}  // namespace

CallError ToCallError(const grpc::Status& status) {
  CallError error;
  if (status.ok()) return error;
  error.status = absl::Status(CodeOf(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return error;
  for (const google::protobuf::Any& detail : details.details()) {
    google::rpc::ErrorInfo info;
    v1::ValidateResponse verdict;
    if (detail.Is<google::rpc::ErrorInfo>() && detail.UnpackTo(&info)) {
      error.reason = info.reason();
      error.metadata.insert(info.metadata().begin(), info.metadata().end());
    } else if (detail.Is<v1::ValidateResponse>() && detail.UnpackTo(&verdict)) {
      error.diagnostics.assign(verdict.diagnostics().begin(), verdict.diagnostics().end());
    }
  }
  return error;
}

Client::Client(std::string endpoint, std::string token, std::shared_ptr<grpc::Channel> channel)
    : endpoint_(std::move(endpoint)),
      token_(std::move(token)),
      jobs_(v1::JobService::NewStub(channel)),
      graphs_(v1::GraphService::NewStub(channel)),
      datasets_(v1::DatasetService::NewStub(channel)),
      artifacts_(v1::ArtifactService::NewStub(channel)),
      system_(v1::SystemService::NewStub(channel)) {}

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const Context& context) {
  std::string endpoint =
      context.endpoint.empty() ? std::string(kDefaultEndpoint) : context.endpoint;
  RETURN_IF_ERROR(CheckEndpoint(endpoint));
  if (!context.token.empty() && !IsHeaderValue(context.token)) {
    return absl::OutOfRangeError(
        "the token (--token or KILN_TOKEN) holds blanks, control or other than ASCII characters");
  }
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (!context.ca.empty()) {
    grpc::SslCredentialsOptions options;
    ASSIGN_OR_RETURN(options.pem_root_certs, ReadFile(context.ca, kMaxCertificateBytes));
    if (options.pem_root_certs.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
      return absl::OutOfRangeError(
          fmt::format("{} (--ca or KILN_CA) holds no certificate in PEM form", context.ca));
    }
    credentials = grpc::SslCredentials(options);
  }
  grpc::ChannelArguments arguments;
  // Which methods are tried again while the server restarts, and how long each may take.
  arguments.SetServiceConfigJSON(v1::kServiceConfigJson);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3000);  // also the limit of one connect
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // loopback and clusters need none
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS,
                   30'000);  // a frozen server is noticed while watching
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  // A slow terminal must not make the server hold megabytes for it.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 65536);
  auto channel = grpc::CreateCustomChannel(endpoint, credentials, arguments);
  RETURN_IF_ERROR(WaitForServer(*channel, endpoint));
  return std::unique_ptr<Client>(
      new Client(std::move(endpoint), context.token, std::move(channel)));
}

void Client::Prepare(grpc::ClientContext* call) const {
  if (!token_.empty()) call->AddMetadata("authorization", "Bearer " + token_);
}

int FailCall(Context& context, const CallError& error) {
  if (error.diagnostics.empty()) {
    int exit_code = ExitCodeOf(error.status);
    if (absl::IsOutOfRange(error.status)) exit_code = kFailure;  // history that is gone
    // A malformed request is the command line's fault, not the graph's.
    if (error.reason == "FIELD_INVALID" || error.reason == "TOKEN_INVALID") exit_code = kUsage;
    const std::string code = error.reason.empty() ? "CALL_FAILED" : error.reason;
    return context.Fail(exit_code, code, MessageOf(error.status));
  }
  return context.FailInvalid(error.diagnostics);
}

}  // namespace graphkiln::cli
