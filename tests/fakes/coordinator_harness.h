// A real coordinator in this process on a loopback port, stubs for it, a small job, and a worker
// that speaks WorkerService. For tests of services/coordinator.
#pragma once

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/status_matchers.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "graphkiln/v1/artifact_service.grpc.pb.h"
#include "graphkiln/v1/compile_service.grpc.pb.h"
#include "graphkiln/v1/dataset_service.grpc.pb.h"
#include "graphkiln/v1/graph_service.grpc.pb.h"
#include "graphkiln/v1/job_service.grpc.pb.h"
#include "graphkiln/v1/node_registry_service.grpc.pb.h"
#include "graphkiln/v1/system_service.grpc.pb.h"
#include "graphkiln/worker/v1/worker_service.grpc.pb.h"
#include "services/coordinator/rpc/grpc_server.h"
#include "services/coordinator/server.h"

namespace graphkiln::coordinator {

/// Waits until `done` is true; false after `limit`.
inline bool WaitUntil(const std::function<bool()>& done, absl::Duration limit = absl::Seconds(20)) {
  std::mutex mu;
  std::condition_variable never;
  const absl::Duration end = SystemClock().Monotonic() + limit;
  while (!done()) {
    if (SystemClock().Monotonic() > end) return false;
    std::unique_lock lock(mu);
    never.wait_for(lock, absl::ToChronoMilliseconds(absl::Milliseconds(2)));
  }
  return true;
}

/// Two Linear layers with a ReLU between them: 4 features, 3 classes.
inline v1::Graph SmallGraph(std::string name = "small") {
  v1::Graph graph;
  graph.set_name(std::move(name));
  v1::GraphInput* input = graph.add_inputs();
  input->set_name("x");
  input->mutable_spec()->set_dtype(v1::DATA_TYPE_FLOAT32);
  input->mutable_spec()->add_shape()->set_symbol("B");
  input->mutable_spec()->add_shape()->set_size(4);
  const auto add = [&](const char* id, const char* type, const char* source) {
    v1::Node* node = graph.add_nodes();
    node->set_id(id);
    node->set_type(type);
    node->add_inputs()->mutable_value()->mutable_reference()->set_node(source);
    return node;
  };
  (*add("fc1", "Linear", "x")->mutable_params())["out_features"].set_int_value(8);
  add("act", "ReLU", "fc1");
  (*add("out", "Linear", "act")->mutable_params())["out_features"].set_int_value(3);
  v1::GraphOutput* output = graph.add_outputs();
  output->set_name("logits");
  output->mutable_value()->mutable_reference()->set_node("out");
  return graph;
}

/// Trains SmallGraph on made-up data.
inline v1::SubmitJobRequest SmallJob(std::string id) {
  v1::SubmitJobRequest request;
  request.set_job_id(std::move(id));
  v1::JobSpec& spec = *request.mutable_spec();
  spec.set_kind(v1::JOB_KIND_TRAIN);
  *spec.mutable_graph()->mutable_inline_graph() = SmallGraph();
  spec.mutable_data()->mutable_synthetic()->set_rows(64);
  spec.mutable_data()->mutable_synthetic()->set_classes(3);
  spec.mutable_loss()->set_type("CrossEntropyLoss");
  spec.mutable_optimizer()->set_type("SGD");
  (*spec.mutable_optimizer()->mutable_params())["lr"].set_double_value(0.1);
  spec.set_epochs(2);
  return request;
}

/// The details of an error; a failed expectation where there are none.
inline google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details())) << status.error_message();
  EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
  return details;
}
template <class T>
std::optional<T> FindDetail(const google::rpc::Status& status) {
  for (const auto& any : status.details()) {
    T detail;
    if (any.UnpackTo(&detail)) return detail;
  }
  return std::nullopt;
}
inline std::string ReasonOf(const grpc::Status& status) {
  const auto info = FindDetail<google::rpc::ErrorInfo>(DetailsOf(status));
  return info.has_value() ? info->reason() : "no ErrorInfo";
}

class CoordinatorHarness {
 public:
  explicit CoordinatorHarness(ServerOptions options = {}) : options_(std::move(options)) {
    SetAbortOnBug(true);
    options_.state_dir = JoinPath(*MakeTempDir("kiln-coordinator-test-"), "state");
    Start();
  }
  ~CoordinatorHarness() {
    server_.reset();
    RemoveTree(DirName(options_.state_dir)).IgnoreError();
  }

  void Start() {
    auto server = Server::Start(options_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    // Each with a connection of its own.
    channel_ = NewChannel();
    jobs = v1::JobService::NewStub(channel_);
    graphs = v1::GraphService::NewStub(channel_);
    compile = v1::CompileService::NewStub(channel_);
    nodes = v1::NodeRegistryService::NewStub(channel_);
    datasets = v1::DatasetService::NewStub(channel_);
    artifacts = v1::ArtifactService::NewStub(channel_);
    system = v1::SystemService::NewStub(channel_);
  }
  void Stop() { server_.reset(); }
  Server& server() { return *server_; }
  ServerOptions& options() { return options_; }

  std::shared_ptr<grpc::Channel> NewChannel(int lookahead = 0) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(64 << 20);
    if (lookahead > 0) {
      arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
      arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, lookahead);
    }
    return grpc::CreateCustomChannel(server_->grpc_address(), grpc::InsecureChannelCredentials(),
                                     arguments);
  }

  v1::Job Job(const std::string& name) {
    v1::Job job;
    v1::GetJobRequest request;
    request.set_name(name);
    grpc::ClientContext context;
    const grpc::Status status = jobs->GetJob(&context, request, &job);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return job;
  }
  v1::Job Submit(const v1::SubmitJobRequest& request) {
    v1::SubmitJobResponse response;
    grpc::ClientContext context;
    const grpc::Status status = jobs->SubmitJob(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.job();
  }
  grpc::Status Upload(const std::string& sha256, const std::string& bytes, v1::Artifact* artifact) {
    grpc::ClientContext context;
    auto writer = artifacts->UploadArtifact(&context, artifact);
    v1::UploadArtifactRequest request;
    request.mutable_artifact()->set_sha256(sha256);
    request.mutable_artifact()->set_bytes(static_cast<int64_t>(bytes.size()));
    constexpr size_t kChunk = 512 << 10;
    size_t sent = 0;
    do {
      request.set_data(bytes.substr(sent, kChunk));
      sent += request.data().size();
      if (!writer->Write(request)) break;
      request.clear_artifact();
    } while (sent < bytes.size());
    writer->WritesDone();
    return writer->Finish();
  }

  std::unique_ptr<v1::JobService::Stub> jobs;
  std::unique_ptr<v1::GraphService::Stub> graphs;
  std::unique_ptr<v1::CompileService::Stub> compile;
  std::unique_ptr<v1::NodeRegistryService::Stub> nodes;
  std::unique_ptr<v1::DatasetService::Stub> datasets;
  std::unique_ptr<v1::ArtifactService::Stub> artifacts;
  std::unique_ptr<v1::SystemService::Stub> system;

 private:
  ServerOptions options_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

/// A worker that takes what it is offered and does as it is told by the test.
class WireWorker {
 public:
  WireWorker(CoordinatorHarness& harness, std::string name)
      : harness_(harness),
        name_("workers/" + name),
        stub_(worker::v1::WorkerService::NewStub(harness.NewChannel())) {
    stream_ = stub_->Connect(&context_);
    Report();
    reader_ = std::thread([this] {
      worker::v1::ConnectResponse wish;
      while (stream_->Read(&wish)) {
        std::lock_guard lock(mu_);
        wish_ = wish;
        wishes_ += 1;
      }
    });
  }
  ~WireWorker() {
    context_.TryCancel();
    reader_.join();
    stream_->Finish();
  }

  /// Reports the complete state: `held_`.
  void Report() {
    worker::v1::ConnectRequest report;
    report.set_worker(name_);
    report.set_incarnation("incarnation-of-" + name_);
    report.set_report_seq(++report_seq_);
    report.mutable_status()->set_state(worker::v1::WorkerStatus::STATE_ACTIVE);
    report.mutable_inventory()->set_slots(2);
    report.mutable_inventory()->set_cores(2);
    report.mutable_inventory()->set_memory_bytes(int64_t{4} << 30);
    for (const auto& held : held_) *report.add_held() = held;
    EXPECT_TRUE(stream_->Write(report));
  }
  /// Waits for an order about `job`.
  std::optional<worker::v1::LeaseOrder> AwaitOrder(const std::string& job,
                                                   worker::v1::LeaseOrder::Action action) {
    std::optional<worker::v1::LeaseOrder> found;
    WaitUntil([&] {
      std::lock_guard lock(mu_);
      for (const auto& order : wish_.orders()) {
        if (order.job() == job && order.action() == action) found = order;
      }
      return found.has_value();
    });
    return found;
  }
  /// Reports the lease in a phase.
  void Hold(const worker::v1::LeaseOrder& order, worker::v1::HeldLease::Phase phase) {
    held_.clear();
    worker::v1::HeldLease& held = held_.emplace_back();
    held.set_job(order.job());
    held.set_lease_epoch(order.lease_epoch());
    held.set_phase(phase);
    Report();
  }
  void Drop() {
    held_.clear();
    Report();
  }
  /// Sends events and waits for the acknowledgement of the last.
  uint64_t Publish(const worker::v1::LeaseOrder& order, const std::vector<v1::Event>& events) {
    grpc::ClientContext context;
    auto stream = stub_->PublishEvents(&context);
    worker::v1::PublishEventsRequest request;
    request.set_job(order.job());
    request.set_lease_epoch(order.lease_epoch());
    request.set_worker(name_);
    for (const v1::Event& event : events) {
      worker::v1::LeaseEvent* sent = request.add_events();
      sent->set_worker_seq(++event_seq_);
      *sent->mutable_event() = event;
    }
    stream->Write(request);
    stream->WritesDone();
    worker::v1::PublishEventsResponse answer;
    uint64_t acknowledged = 0;
    while (stream->Read(&answer)) acknowledged = answer.acknowledged_seq();
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return acknowledged;
  }
  worker::v1::WorkerService::Stub& stub() { return *stub_; }
  uint64_t event_seq() const { return event_seq_; }

 private:
  CoordinatorHarness& harness_;
  const std::string name_;
  std::unique_ptr<worker::v1::WorkerService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<worker::v1::ConnectRequest, worker::v1::ConnectResponse>>
      stream_;
  std::thread reader_;
  uint64_t report_seq_ = 0;
  uint64_t event_seq_ = 0;
  std::vector<worker::v1::HeldLease> held_;
  std::mutex mu_;
  worker::v1::ConnectResponse wish_;  // guarded by mu_
  int wishes_ = 0;                    // guarded by mu_
};

}  // namespace graphkiln::coordinator
