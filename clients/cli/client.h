// The connection to the coordinator: channel, stubs, deadlines, tokens, errors.
//
// Used by every command that needs a server; main thread only (streams are cancelled from the
// signal watcher through Interrupts).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cli/context.h"
#include "graphkiln/v1/artifact_service.grpc.pb.h"
#include "graphkiln/v1/dataset_service.grpc.pb.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph_service.grpc.pb.h"
#include "graphkiln/v1/job_service.grpc.pb.h"
#include "graphkiln/v1/system_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"

namespace graphkiln::cli {

/// Why a call failed, as the server said it.
struct CallError {
  absl::Status status;
  std::string reason;  // published reason such as GRAPH_INVALID; empty where the server gave none
  std::map<std::string, std::string> metadata;
  std::vector<v1::Diagnostic> diagnostics;
};

/// Details of a gRPC error (google.rpc.Status in its trailers).
CallError ToCallError(const grpc::Status& status);

class Client {
 public:
  /// Connects; Unavailable within five seconds where nothing answers.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const Context& context);

  v1::JobService::Stub& jobs() { return *jobs_; }
  v1::GraphService::Stub& graphs() { return *graphs_; }
  v1::DatasetService::Stub& datasets() { return *datasets_; }
  v1::ArtifactService::Stub& artifacts() { return *artifacts_; }
  v1::SystemService::Stub& system() { return *system_; }
  const std::string& endpoint() const { return endpoint_; }

  /// Adds the token; deadlines come from the service config.
  void Prepare(grpc::ClientContext* call) const;

  /// One unary call:
  ///   client.Call(&v1::JobService::Stub::GetJob, client.jobs(), request, &job)
  template <class Stub, class Request, class Response>
  CallError Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                 Stub& stub, const Request& request, Response* response) const {
    grpc::ClientContext call;
    Prepare(&call);
    return ToCallError((stub.*method)(&call, request, response));
  }

 private:
  Client(std::string endpoint, std::string token, std::shared_ptr<grpc::Channel> channel);

  std::string endpoint_;
  std::string token_;
  std::unique_ptr<v1::JobService::Stub> jobs_;
  std::unique_ptr<v1::GraphService::Stub> graphs_;
  std::unique_ptr<v1::DatasetService::Stub> datasets_;
  std::unique_ptr<v1::ArtifactService::Stub> artifacts_;
  std::unique_ptr<v1::SystemService::Stub> system_;
};

/// Shows the error and returns the exit code; diagnostics of the server are shown as ours.
int FailCall(Context& context, const CallError& error);

}  // namespace graphkiln::cli
