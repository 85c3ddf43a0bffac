// Who may speak as which worker, and on which port: over real gRPC, with tokens. TLS and its
// certificates are tested with real processes in tests/integration/tls_test.py.
#include "services/coordinator/core/job_queue.h"
#include "services/coordinator/server.h"
#include "tests/fakes/coordinator_harness.h"

namespace graphkiln::coordinator {
namespace {

using worker::v1::HeldLease;
using worker::v1::LeaseOrder;

constexpr char kTokens[] =
    "token-of-alice alice user\n"
    "token-of-w1 w1 worker\n"
    "token-of-w2 w2 worker\n";

ServerOptions WithTokens() {
  ServerOptions options;
  options.authenticator = *Authenticator::FromText(kTokens);
  return options;
}

void UseToken(grpc::ClientContext& context, const std::string& token) {
  context.AddMetadata("authorization", "Bearer " + token);
}

// A worker's calls, each with a token; the worker's name is free.
class Speaker {
 public:
  Speaker(CoordinatorHarness& harness, std::string token)
      : token_(std::move(token)), stub_(worker::v1::WorkerService::NewStub(harness.NewChannel())) {}

  struct Answer {
    grpc::Status status;
    worker::v1::ConnectResponse wish;
  };
  // One report on a stream of its own, which stays open until `orders` (or an error) came.
  Answer Connect(const std::string& name, const HeldLease* held, int orders) {
    Answer answer;
    grpc::ClientContext context;
    UseToken(context, token_);
    auto stream = stub_->Connect(&context);
    worker::v1::ConnectRequest report;
    report.set_worker("workers/" + name);
    report.set_incarnation("incarnation-of-" + name);
    report.set_report_seq(++report_seq_);
    report.mutable_status()->set_state(worker::v1::WorkerStatus::STATE_ACTIVE);
    report.mutable_inventory()->set_slots(2);
    report.mutable_inventory()->set_cores(2);
    report.mutable_inventory()->set_memory_bytes(int64_t{4} << 30);
    if (held != nullptr) *report.add_held() = *held;
    stream->Write(report);
    bool more = true;
    do {
      more = stream->Read(&answer.wish);
    } while (more && answer.wish.orders_size() < orders);
    if (more) stream->WritesDone();
    worker::v1::ConnectResponse rest;
    while (more && stream->Read(&rest)) {
    }
    answer.status = stream->Finish();
    return answer;
  }
  grpc::Status Publish(const LeaseOrder& order, double loss) {
    grpc::ClientContext context;
    UseToken(context, token_);
    auto stream = stub_->PublishEvents(&context);
    worker::v1::PublishEventsRequest request;
    request.set_job(order.job());
    request.set_lease_epoch(order.lease_epoch());
    worker::v1::LeaseEvent* event = request.add_events();
    event->set_worker_seq(++event_seq_);
    event->mutable_event()->mutable_step()->set_step(static_cast<int64_t>(event_seq_));
    event->mutable_event()->mutable_step()->set_loss(loss);
    stream->Write(request);
    stream->WritesDone();
    worker::v1::PublishEventsResponse answer;
    while (stream->Read(&answer)) {
    }
    return stream->Finish();
  }
  grpc::Status Commit(const LeaseOrder& order, const std::string& sha256) {
    grpc::ClientContext context;
    UseToken(context, token_);
    worker::v1::CommitCheckpointRequest request;
    request.set_job(order.job());
    request.set_lease_epoch(order.lease_epoch());
    request.mutable_checkpoint()->set_step(1);
    request.mutable_checkpoint()->set_artifact(sha256);
    worker::v1::CommitCheckpointResponse response;
    return stub_->CommitCheckpoint(&context, request, &response);
  }
  grpc::Status Finish(const LeaseOrder& order) {
    grpc::ClientContext context;
    UseToken(context, token_);
    worker::v1::FinishLeaseRequest request;
    request.set_job(order.job());
    request.set_lease_epoch(order.lease_epoch());
    request.set_outcome(worker::v1::FinishLeaseRequest::OUTCOME_SUCCEEDED);
    worker::v1::FinishLeaseResponse response;
    return stub_->FinishLease(&context, request, &response);
  }
  grpc::Status Upload(CoordinatorHarness& harness, const std::string& bytes) {
    auto stub = v1::ArtifactService::NewStub(harness.NewChannel());
    grpc::ClientContext context;
    UseToken(context, token_);
    v1::Artifact stored;
    auto writer = stub->UploadArtifact(&context, &stored);
    v1::UploadArtifactRequest request;
    request.mutable_artifact()->set_sha256(Sha256Hex(bytes));
    request.mutable_artifact()->set_bytes(static_cast<int64_t>(bytes.size()));
    request.set_data(bytes);
    writer->Write(request);
    writer->WritesDone();
    return writer->Finish();
  }

 private:
  const std::string token_;
  std::unique_ptr<worker::v1::WorkerService::Stub> stub_;
  uint64_t report_seq_ = 0;
  uint64_t event_seq_ = 0;
};

class ServerWorkersTest : public testing::Test {
 protected:
  v1::Job Get(const std::string& name) {
    v1::GetJobRequest request;
    request.set_name(name);
    v1::Job job;
    grpc::ClientContext context;
    UseToken(context, "token-of-alice");
    EXPECT_TRUE(harness_.jobs->GetJob(&context, request, &job).ok());
    return job;
  }

  CoordinatorHarness harness_{WithTokens()};
};

TEST_F(ServerWorkersTest, AWorkersTokenSpeaksForNoOther) {
  v1::SubmitJobResponse submitted;
  grpc::ClientContext context;
  UseToken(context, "token-of-alice");
  ASSERT_TRUE(harness_.jobs->SubmitJob(&context, SmallJob("mine"), &submitted).ok());
  Speaker w1(harness_, "token-of-w1");
  Speaker w2(harness_, "token-of-w2");

  // Not even a first report under another's name: it would take over the registration.
  const auto taken = w2.Connect("w1", nullptr, 0);
  EXPECT_EQ(taken.status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ReasonOf(taken.status), "PERMISSION_DENIED");
  EXPECT_EQ(harness_.server().queue().ListWorkers("", 10).size(), 0u);

  const auto offered = w1.Connect("w1", nullptr, 1);
  ASSERT_TRUE(offered.status.ok()) << offered.status.error_message();
  ASSERT_EQ(offered.wish.orders_size(), 1);
  const LeaseOrder order = offered.wish.orders(0);

  // The lease is w1's: w2 knows its job and epoch and still can do nothing about it.
  const std::string bytes = "not a checkpoint";
  ASSERT_TRUE(w2.Upload(harness_, bytes).ok());
  EXPECT_EQ(w2.Publish(order, 666).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(w2.Commit(order, Sha256Hex(bytes)).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(w2.Finish(order).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Get("mine").state(), v1::JOB_STATE_OFFERED);
  EXPECT_EQ(Get("mine").checkpoints_size(), 0);

  ASSERT_TRUE(w1.Publish(order, 0.5).ok());
  EXPECT_EQ(Get("mine").state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Get("mine").step(), 1);
  ASSERT_TRUE(w1.Commit(order, Sha256Hex(bytes)).ok());
  ASSERT_TRUE(w1.Finish(order).ok());
  EXPECT_EQ(Get("mine").state(), v1::JOB_STATE_SUCCEEDED);

  // A user is no worker, a worker no user.
  Speaker alice(harness_, "token-of-alice");
  EXPECT_EQ(alice.Connect("alice", nullptr, 0).status.error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  grpc::ClientContext as_worker;
  UseToken(as_worker, "token-of-w1");
  v1::Job job;
  v1::GetJobRequest request;
  request.set_name("mine");
  EXPECT_EQ(harness_.jobs->GetJob(&as_worker, request, &job).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST(ServerPortsTest, APortForWorkersTakesTheirMethodsFromTheOther) {
  ServerOptions options;
  options.worker_grpc.emplace();
  CoordinatorHarness harness(options);
  const auto address = harness.server().worker_address();
  ASSERT_TRUE(address.has_value());
  ASSERT_NE(*address, harness.server().grpc_address());
  const auto channel = grpc::CreateChannel(*address, grpc::InsecureChannelCredentials());
  const auto code = [](auto call) {
    grpc::ClientContext context;
    return call(&context).error_code();
  };
  const auto list_jobs = [&](std::shared_ptr<grpc::Channel> at) {
    v1::ListJobsResponse response;
    return code([&](grpc::ClientContext* context) {
      return v1::JobService::NewStub(at)->ListJobs(context, {}, &response);
    });
  };
  const auto list_artifacts = [&](std::shared_ptr<grpc::Channel> at) {
    v1::ListArtifactsResponse response;
    return code([&](grpc::ClientContext* context) {
      return v1::ArtifactService::NewStub(at)->ListArtifacts(context, {}, &response);
    });
  };
  const auto finish = [&](std::shared_ptr<grpc::Channel> at) {
    worker::v1::FinishLeaseResponse response;
    return code([&](grpc::ClientContext* context) {
      return worker::v1::WorkerService::NewStub(at)->FinishLease(context, {}, &response);
    });
  };
  EXPECT_EQ(list_jobs(harness.NewChannel()), grpc::StatusCode::OK);
  EXPECT_EQ(list_jobs(channel), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(list_artifacts(harness.NewChannel()), grpc::StatusCode::OK);
  EXPECT_EQ(list_artifacts(channel), grpc::StatusCode::OK);
  EXPECT_EQ(finish(harness.NewChannel()), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(finish(channel), grpc::StatusCode::INVALID_ARGUMENT);  // it has no name in it
}

TEST(ServerPortsTest, NothingIsExposedWithoutTlsAndCredentials) {
  const auto refusal = [](const std::function<void(ServerOptions&)>& change) {
    ServerOptions options;
    options.state_dir = JoinPath(*MakeTempDir("kiln-coordinator-test-"), "state");
    change(options);
    const auto server = Server::Start(options);
    EXPECT_FALSE(server.ok());
    EXPECT_OK(RemoveTree(DirName(options.state_dir)));
    return std::string(MessageOf(server.status()));  // the server goes with this call
  };
  EXPECT_THAT(refusal([](ServerOptions& options) {
                options.worker_grpc.emplace();
                options.worker_grpc->host = "0.0.0.0";
              }),
              testing::HasSubstr("--client-ca"));
  EXPECT_THAT(refusal([](ServerOptions& options) {
                options.worker_grpc.emplace();
                options.worker_grpc->host = "0.0.0.0";
                options.worker_grpc->client_ca = "a certificate";
              }),
              testing::HasSubstr("--tls-cert"));
  // Certificates of workers do not open the port to users.
  EXPECT_THAT(refusal([](ServerOptions& options) {
                options.grpc.host = "0.0.0.0";
                options.grpc.client_ca = "a certificate";
                options.grpc.tls_certificate = "a certificate";
              }),
              testing::HasSubstr("without TLS and a token"));
}

}  // namespace
}  // namespace graphkiln::coordinator
