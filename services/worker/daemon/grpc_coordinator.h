// The coordinator over gRPC: one channel, the unary calls and transfers of CoordinatorApi, and what
// the two streams need (stubs, contexts with the token). Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "graphkiln/v1/artifact_service.grpc.pb.h"
#include "graphkiln/worker/v1/worker_service.grpc.pb.h"
#include "services/worker/daemon/coordinator_api.h"

namespace graphkiln::worker {

/// Status of a call as absl::Status, with the coordinator's reason; the codes are the same numbers.
absl::Status FromGrpc(const grpc::Status& status);

class GrpcCoordinator final : public CoordinatorApi {
 public:
  struct Options {
    std::string endpoint;  // HOST:PORT
    std::string token;     // empty: none is sent
    std::string ca;        // PEM; switches TLS on
    /// PEM; the certificate names this worker. Both or none, with `ca` only.
    std::string certificate;
    std::string key;
    /// Deadline of unary calls; transfers get more by their size.
    absl::Duration call_timeout = absl::Seconds(30);
  };

  GrpcCoordinator(Options options, Clock& clock);

  absl::Status Download(const std::string& sha256, int64_t offset, const Sink& sink,
                        Cancellation& cancellation) override;
  absl::Status Upload(const std::string& path, const std::string& sha256,
                      Cancellation& cancellation) override;
  absl::Status CommitCheckpoint(const v1::CommitCheckpointRequest& request,
                                Cancellation& cancellation) override;
  absl::Status FinishLease(const v1::FinishLeaseRequest& request,
                           Cancellation& cancellation) override;

  v1::WorkerService::Stub& worker_stub() { return *worker_; }
  /// Adds the token; a stream also waits for a connection. Other calls fail at once while there is
  /// none: their callers have better to do than to wait inside a call.
  void Prepare(grpc::ClientContext* context) const;
  void PrepareStream(grpc::ClientContext* context) const;

 private:
  void SetTimeout(grpc::ClientContext* context, absl::Duration timeout) const;

  const Options options_;
  Clock& clock_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::WorkerService::Stub> worker_;
  std::unique_ptr<graphkiln::v1::ArtifactService::Stub> artifacts_;
};

}  // namespace graphkiln::worker
