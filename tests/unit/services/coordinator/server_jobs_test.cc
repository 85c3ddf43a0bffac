// Submits of a running coordinator over real gRPC: retries, names, weights, bounds.
#include "services/coordinator/server.h"
#include "tests/fakes/coordinator_harness.h"

namespace graphkiln::coordinator {
namespace {

using worker::v1::HeldLease;
using worker::v1::LeaseOrder;

grpc::Status Submit(CoordinatorHarness& harness, const v1::SubmitJobRequest& request,
                    v1::Job* job) {
  grpc::ClientContext context;
  v1::SubmitJobResponse response;
  const grpc::Status status = harness.jobs->SubmitJob(&context, request, &response);
  *job = response.job();
  return status;
}

// Uploads and returns the digest.
std::string Upload(CoordinatorHarness& harness, const std::string& bytes) {
  v1::Artifact artifact;
  const grpc::Status status = harness.Upload(Sha256Hex(bytes), bytes, &artifact);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return artifact.sha256();
}

TEST(ServerJobsTest, ARetryIsComparedAsItCameAndAnsweredBeforeItIsResolved) {
  CoordinatorHarness harness;
  v1::CreateGraphRequest create;
  create.set_graph_id("net");
  *create.mutable_graph()->mutable_graph() = SmallGraph();
  v1::SavedGraph saved;
  grpc::ClientContext c1;
  ASSERT_TRUE(harness.graphs->CreateGraph(&c1, create, &saved).ok());

  v1::SubmitJobRequest request = SmallJob("");
  request.set_request_id("r");
  request.mutable_spec()->mutable_graph()->set_name("net");
  v1::Job job;
  ASSERT_TRUE(Submit(harness, request, &job).ok());
  v1::DeleteGraphRequest remove;
  remove.set_name("net");
  google::protobuf::Empty empty;
  grpc::ClientContext c2;
  ASSERT_TRUE(harness.graphs->DeleteGraph(&c2, remove, &empty).ok());
  v1::Job again;
  ASSERT_TRUE(Submit(harness, request, &again).ok());
  EXPECT_EQ(again.uid(), job.uid());
  // Another request under the id is refused, also where it could not even be compiled.
  request.mutable_spec()->set_epochs(9);
  EXPECT_EQ(ReasonOf(Submit(harness, request, &again)), "ALREADY_EXISTS");
  request.mutable_spec()->mutable_graph()->set_name("no-such-graph");
  EXPECT_EQ(ReasonOf(Submit(harness, request, &again)), "ALREADY_EXISTS");
}

TEST(ServerJobsTest, EqualModelsKeepTheirOwnNames) {
  CoordinatorHarness harness;
  WireWorker worker(harness, "w");
  for (const char* name : {"first", "second"}) {
    v1::SubmitJobRequest request = SmallJob(name);
    request.mutable_spec()->mutable_graph()->mutable_inline_graph()->set_name(name);
    const v1::Job job = harness.Submit(request);
    const auto order = worker.AwaitOrder(job.name(), LeaseOrder::ACTION_RUN);
    ASSERT_TRUE(order.has_value());
    EXPECT_EQ(order->spec().ir().name(), name);
  }
  EXPECT_EQ(harness.Job("first").graph_hash(), harness.Job("second").graph_hash());
}

TEST(ServerJobsTest, WeightsOfARunningJobAreItsLastCheckpoint) {
  CoordinatorHarness harness;
  WireWorker worker(harness, "w");
  const v1::Job job = harness.Submit(SmallJob("source"));
  v1::SubmitJobRequest follow = SmallJob("follow");
  follow.mutable_spec()->mutable_weights()->set_job("source");
  v1::Job followed;
  EXPECT_EQ(ReasonOf(Submit(harness, follow, &followed)), "JOB_INVALID");
  const auto order = worker.AwaitOrder(job.name(), LeaseOrder::ACTION_RUN);
  ASSERT_TRUE(order.has_value());
  worker.Hold(*order, HeldLease::PHASE_RUNNING);
  std::string last;
  for (const int64_t step : {1, 2}) {
    last = Upload(harness, "checkpoint " + std::to_string(step));
    worker::v1::CommitCheckpointRequest commit;
    commit.set_job(job.name());
    commit.set_lease_epoch(order->lease_epoch());
    commit.mutable_checkpoint()->set_step(step);
    commit.mutable_checkpoint()->set_artifact(last);
    worker::v1::CommitCheckpointResponse response;
    grpc::ClientContext context;
    ASSERT_TRUE(worker.stub().CommitCheckpoint(&context, commit, &response).ok());
  }
  const grpc::Status status = Submit(harness, follow, &followed);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(followed.spec().weights().file().artifact(), last);
}

TEST(ServerJobsTest, TheGraceOfACancelHasOneBound) {
  CoordinatorHarness harness;
  harness.Submit(SmallJob("a"));
  v1::CancelJobRequest cancel;
  cancel.set_name("a");
  cancel.mutable_grace()->set_seconds(3601);
  v1::Job job;
  grpc::ClientContext c1;
  EXPECT_EQ(ReasonOf(harness.jobs->CancelJob(&c1, cancel, &job)), "FIELD_INVALID");
  cancel.mutable_grace()->set_seconds(3600);
  grpc::ClientContext c2;
  EXPECT_TRUE(harness.jobs->CancelJob(&c2, cancel, &job).ok());
}

TEST(ServerJobsTest, UnusedUploadsGoAfterTheirGraceAndUsedOnesStay) {
  CoordinatorHarness harness;
  const std::string used = Upload(harness, "a,b\n1,2\n");
  const std::string unused = Upload(harness, "nobody");
  v1::CreateDatasetRequest create;
  create.set_dataset_id("d");
  create.mutable_dataset()->set_format("csv");
  create.mutable_dataset()->set_artifact(used);
  v1::Dataset dataset;
  grpc::ClientContext context;
  ASSERT_TRUE(harness.datasets->CreateDataset(&context, create, &dataset).ok());
  const auto stored = [&] {
    v1::ListArtifactsResponse list;
    grpc::ClientContext ask;
    EXPECT_TRUE(harness.artifacts->ListArtifacts(&ask, v1::ListArtifactsRequest(), &list).ok());
    return list;
  };
  EXPECT_EQ(stored().artifacts_size(), 2);
  harness.Stop();
  harness.options().housekeeping_interval = absl::Milliseconds(20);
  harness.options().upload_grace = absl::ZeroDuration();
  harness.Start();
  EXPECT_TRUE(WaitUntil([&] { return stored().artifacts_size() == 1; }));
  EXPECT_EQ(stored().artifacts(0).sha256(), used);
}

}  // namespace
}  // namespace graphkiln::coordinator
