// A small coordinator over real gRPC for tests of the worker daemon: keeps the last report, hands
// out the orders that a test sets, stores events and ends like the real one (numbers, no
// duplicates), and can be stopped and started again on its port. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/base/hash.h"
#include "graphkiln/v1/artifact_service.grpc.pb.h"
#include "graphkiln/worker/v1/worker_service.grpc.pb.h"

namespace graphkiln::worker::fake {

/// What the coordinator knows; survives restarts of the server. Guarded by `mu`.
struct CoordinatorState {
  std::mutex mu;
  std::condition_variable changed;
  v1::ConnectResponse orders;
  uint64_t orders_version = 0;
  std::vector<v1::ConnectRequest> reports;
  std::vector<v1::LeaseEvent> events;  // as stored: rising worker_seq
  int duplicates = 0;
  bool acknowledge = true;
  bool fence_events = false;
  bool supersede = false;
  std::string token;
  std::vector<v1::CommitCheckpointRequest> commits;
  std::vector<v1::FinishLeaseRequest> finishes;
  std::map<std::string, std::string> artifacts;
  size_t largest_chunk = 0;
};

class WorkerServiceFake final : public v1::WorkerService::Service {
 public:
  explicit WorkerServiceFake(CoordinatorState& state) : state_(state) {}

  grpc::Status Connect(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::ConnectResponse, v1::ConnectRequest>* stream) override {
    const auto token = context->client_metadata().find("authorization");
    bool ended = false;
    std::thread pusher;
    uint64_t sent_version;
    std::mutex write_mu;
    {
      std::lock_guard lock(state_.mu);
      state_.token = token == context->client_metadata().end()
                         ? ""
                         : std::string(token->second.data(), token->second.size());
      if (state_.supersede) {
        return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "SUPERSEDED");
      }
      sent_version = state_.orders_version;
    }
    const auto send = [&](uint64_t in_reply_to) {
      v1::ConnectResponse response;
      {
        std::lock_guard lock(state_.mu);
        response = state_.orders;
        sent_version = state_.orders_version;
      }
      response.set_registration("r-1");
      response.set_coordinator_generation(1);
      response.set_in_reply_to(in_reply_to);
      response.mutable_report_interval()->set_seconds(1);
      std::lock_guard lock(write_mu);
      stream->Write(response);
    };
    pusher = std::thread([&] {
      std::unique_lock lock(state_.mu);
      while (!ended) {
        if (sent_version != state_.orders_version && !state_.reports.empty()) {
          lock.unlock();
          send(0);
          lock.lock();
          continue;
        }
        state_.changed.wait_for(lock, absl::ToChronoMilliseconds(absl::Milliseconds(20)));
      }
    });
    v1::ConnectRequest report;
    while (stream->Read(&report)) {
      {
        std::lock_guard lock(state_.mu);
        state_.reports.push_back(report);
      }
      state_.changed.notify_all();
      send(report.report_seq());
    }
    {
      std::lock_guard lock(state_.mu);
      ended = true;
    }
    state_.changed.notify_all();
    pusher.join();
    return grpc::Status::OK;
  }

  grpc::Status PublishEvents(grpc::ServerContext*,
                             grpc::ServerReaderWriter<v1::PublishEventsResponse,
                                                      v1::PublishEventsRequest>* stream) override {
    v1::PublishEventsRequest request;
    while (stream->Read(&request)) {
      v1::PublishEventsResponse response;
      bool answer;
      {
        std::lock_guard lock(state_.mu);
        for (const v1::LeaseEvent& event : request.events()) {
          const bool known =
              !state_.events.empty() && event.worker_seq() <= state_.events.back().worker_seq();
          state_.duplicates += known ? 1 : 0;
          if (!known) {
            state_.events.push_back(event);
          }
        }
        response.set_job(request.job());
        response.set_lease_epoch(request.lease_epoch());
        response.set_acknowledged_seq(state_.events.empty() ? 0
                                                            : state_.events.back().worker_seq());
        response.set_fenced(state_.fence_events);
        answer = state_.acknowledge;
      }
      state_.changed.notify_all();
      if (answer) {
        stream->Write(response);
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status CommitCheckpoint(grpc::ServerContext*, const v1::CommitCheckpointRequest* request,
                                v1::CommitCheckpointResponse*) override {
    std::lock_guard lock(state_.mu);
    state_.commits.push_back(*request);
    state_.changed.notify_all();
    return grpc::Status::OK;
  }

  grpc::Status FinishLease(grpc::ServerContext*, const v1::FinishLeaseRequest* request,
                           v1::FinishLeaseResponse*) override {
    std::lock_guard lock(state_.mu);
    state_.finishes.push_back(*request);
    state_.changed.notify_all();
    return grpc::Status::OK;
  }

 private:
  CoordinatorState& state_;
};

class ArtifactServiceFake final : public graphkiln::v1::ArtifactService::Service {
 public:
  explicit ArtifactServiceFake(CoordinatorState& state) : state_(state) {}

  grpc::Status UploadArtifact(grpc::ServerContext*,
                              grpc::ServerReader<graphkiln::v1::UploadArtifactRequest>* reader,
                              graphkiln::v1::Artifact* stored) override {
    graphkiln::v1::UploadArtifactRequest request;
    std::string bytes;
    while (reader->Read(&request)) {
      if (request.has_artifact()) {
        *stored = request.artifact();
        std::lock_guard lock(state_.mu);
        if (state_.artifacts.count(stored->sha256()) > 0) {
          return grpc::Status::OK;
        }
      }
      bytes += request.data();
      std::lock_guard lock(state_.mu);
      state_.largest_chunk = std::max(state_.largest_chunk, request.data().size());
    }
    if (Sha256Hex(bytes) != stored->sha256() ||
        static_cast<int64_t>(bytes.size()) != stored->bytes()) {
      return grpc::Status(grpc::StatusCode::DATA_LOSS, "CHECKSUM_MISMATCH");
    }
    std::lock_guard lock(state_.mu);
    state_.artifacts[stored->sha256()] = std::move(bytes);
    return grpc::Status::OK;
  }

  grpc::Status DownloadArtifact(
      grpc::ServerContext*, const graphkiln::v1::DownloadArtifactRequest* request,
      grpc::ServerWriter<graphkiln::v1::DownloadArtifactResponse>* writer) override {
    const std::string sha256 = request->name().substr(request->name().rfind('/') + 1);
    std::string bytes;
    {
      std::lock_guard lock(state_.mu);
      const auto it = state_.artifacts.find(sha256);
      if (it == state_.artifacts.end()) {
        return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such artifact");
      }
      bytes = it->second.substr(static_cast<size_t>(request->offset()));
    }
    graphkiln::v1::DownloadArtifactResponse response;
    response.mutable_artifact()->set_sha256(sha256);
    response.mutable_artifact()->set_bytes(static_cast<int64_t>(bytes.size()));
    for (size_t at = 0; at == 0 || at < bytes.size(); at += 1 << 20) {
      response.set_data(bytes.substr(at, 1 << 20));
      writer->Write(response);
      response.clear_artifact();
    }
    return grpc::Status::OK;
  }

 private:
  CoordinatorState& state_;
};

class FakeCoordinatorServer {
 public:
  FakeCoordinatorServer() { Start(); }
  ~FakeCoordinatorServer() { Stop(); }

  void Start() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port_),
                             grpc::InsecureServerCredentials(), &port_);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
    builder.RegisterService(&worker_);
    builder.RegisterService(&artifacts_);
    server_ = builder.BuildAndStart();
  }
  /// Cuts all streams.
  void Stop() {
    if (server_ != nullptr) {
      server_->Shutdown(absl::ToChronoTime(absl::UnixEpoch()));
      server_.reset();
    }
  }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

  void Set(const std::function<void(CoordinatorState&)>& change) {
    {
      std::lock_guard lock(state_.mu);
      change(state_);
      ++state_.orders_version;
    }
    state_.changed.notify_all();
  }
  bool WaitUntil(const std::function<bool(const CoordinatorState&)>& condition) {
    std::unique_lock lock(state_.mu);
    return state_.changed.wait_for(lock, absl::ToChronoSeconds(absl::Seconds(30)),
                                   [&] { return condition(state_); });
  }

 private:
  CoordinatorState state_;
  WorkerServiceFake worker_{state_};
  ArtifactServiceFake artifacts_{state_};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace graphkiln::worker::fake
