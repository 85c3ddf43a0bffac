#include "services/worker/daemon/grpc_coordinator.h"

#include <algorithm>
#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "fmt/format.h"

namespace graphkiln::worker {
namespace {

using graphkiln::v1::Artifact;
using graphkiln::v1::DownloadArtifactRequest;
using graphkiln::v1::DownloadArtifactResponse;
using graphkiln::v1::UploadArtifactRequest;

constexpr size_t kChunkBytes = 1 << 20;
/// A program of a large model travels inside an order.
constexpr int kMaxReceiveBytes = 256 << 20;
/// Slowest transfer that is not given up.
constexpr double kSlowestBytesPerSecond = 256 << 10;

std::shared_ptr<grpc::ChannelCredentials> MakeCredentials(const GrpcCoordinator::Options& options) {
  if (options.ca.empty()) {
    return grpc::InsecureChannelCredentials();
  }
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = options.ca;
  tls.pem_cert_chain = options.certificate;
  tls.pem_private_key = options.key;
  return grpc::SslCredentials(tls);
}

std::shared_ptr<grpc::Channel> MakeChannel(const GrpcCoordinator::Options& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  // A pair with the server's settings: a frozen peer or a cut cable is noticed within 30 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 250);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  return grpc::CreateCustomChannel(options.endpoint, MakeCredentials(options), arguments);
}

absl::Duration TransferTime(uint64_t bytes) {
  return absl::Seconds(60 + static_cast<double>(bytes) / kSlowestBytesPerSecond);
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) {
    return absl::OkStatus();
  }
  return MakeCallError(static_cast<absl::StatusCode>(status.error_code()), status.error_message(),
                       status.error_details());
}

GrpcCoordinator::GrpcCoordinator(Options options, Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      channel_(MakeChannel(options_)),
      worker_(v1::WorkerService::NewStub(channel_)),
      artifacts_(graphkiln::v1::ArtifactService::NewStub(channel_)) {}

void GrpcCoordinator::Prepare(grpc::ClientContext* context) const {
  if (!options_.token.empty()) {
    context->AddMetadata("authorization", "Bearer " + options_.token);
  }
}

void GrpcCoordinator::PrepareStream(grpc::ClientContext* context) const {
  Prepare(context);
  context->set_wait_for_ready(true);
}

void GrpcCoordinator::SetTimeout(grpc::ClientContext* context, absl::Duration timeout) const {
  context->set_deadline(absl::ToChronoTime(clock_.Now() + timeout));
}

absl::Status GrpcCoordinator::Download(const std::string& sha256, int64_t offset, const Sink& sink,
                                       Cancellation& cancellation) {
  grpc::ClientContext context;
  Prepare(&context);
  Cancellation::Hook hook(cancellation, [&context] { context.TryCancel(); });
  DownloadArtifactRequest request;
  request.set_name("artifacts/" + sha256);
  request.set_offset(offset);
  SetTimeout(&context, TransferTime(64ull << 30));
  const auto reader = artifacts_->DownloadArtifact(&context, request);
  DownloadArtifactResponse response;
  absl::Status sunk;
  while (sunk.ok() && reader->Read(&response)) {
    if (!response.data().empty()) {
      sunk = sink(response.data());
    }
  }
  if (!sunk.ok()) {
    context.TryCancel();
    reader->Finish();
    return sunk;
  }
  return FromGrpc(reader->Finish());
}

absl::Status GrpcCoordinator::Upload(const std::string& path, const std::string& sha256,
                                     Cancellation& cancellation) {
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(path));
  std::string_view left = file.bytes();
  grpc::ClientContext context;
  Prepare(&context);
  SetTimeout(&context, TransferTime(left.size()));
  Cancellation::Hook hook(cancellation, [&context] { context.TryCancel(); });
  Artifact stored;
  const auto writer = artifacts_->UploadArtifact(&context, &stored);
  UploadArtifactRequest request;
  request.mutable_artifact()->set_sha256(sha256);
  request.mutable_artifact()->set_bytes(static_cast<int64_t>(left.size()));
  // The size and digest go alone, so that a server which has the file can answer before any byte;
  // then Write fails and Finish tells that all is well.
  bool open = writer->Write(request);
  request.clear_artifact();
  while (open && !left.empty()) {
    const std::string_view chunk = left.substr(0, kChunkBytes);
    request.set_data(chunk.data(), chunk.size());
    left.remove_prefix(chunk.size());
    open = writer->Write(request);
  }
  writer->WritesDone();
  RETURN_IF_ERROR(FromGrpc(writer->Finish()));
  if (stored.sha256() != sha256) {
    return absl::DataLossError(fmt::format("the coordinator stored {} under another digest", path));
  }
  return absl::OkStatus();
}

absl::Status GrpcCoordinator::CommitCheckpoint(const v1::CommitCheckpointRequest& request,
                                               Cancellation& cancellation) {
  grpc::ClientContext context;
  Prepare(&context);
  SetTimeout(&context, options_.call_timeout);
  Cancellation::Hook hook(cancellation, [&context] { context.TryCancel(); });
  v1::CommitCheckpointResponse response;
  return FromGrpc(worker_->CommitCheckpoint(&context, request, &response));
}

absl::Status GrpcCoordinator::FinishLease(const v1::FinishLeaseRequest& request,
                                          Cancellation& cancellation) {
  grpc::ClientContext context;
  Prepare(&context);
  SetTimeout(&context, options_.call_timeout);
  Cancellation::Hook hook(cancellation, [&context] { context.TryCancel(); });
  v1::FinishLeaseResponse response;
  return FromGrpc(worker_->FinishLease(&context, request, &response));
}

}  // namespace graphkiln::worker
