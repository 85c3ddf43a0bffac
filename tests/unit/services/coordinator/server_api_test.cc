// The public API of a running coordinator: errors, limits, authorization, resources, health,
// reflection.
#include <grpcpp/generic/generic_stub.h>

#include <algorithm>

#include "services/coordinator/rpc/error_details.h"
#include "services/coordinator/rpc/method_table.h"
#include "services/coordinator/server.h"
#include "tests/fakes/coordinator_harness.h"

namespace graphkiln::coordinator {
namespace {

grpc::ByteBuffer BufferOf(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}
std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

// One message to any method, one message back.
grpc::Status RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                     const std::string& request, std::string* response) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  auto call = stub.PrepareCall(&context, method, &queue);
  void* tag = nullptr;
  bool ok = false;
  const auto next = [&] { return queue.Next(&tag, &ok) && ok; };
  call->StartCall(nullptr);
  if (next()) {
    call->WriteLast(BufferOf(request), grpc::WriteOptions(), nullptr);
    next();
    grpc::ByteBuffer buffer;
    call->Read(&buffer, nullptr);
    if (next()) *response = BytesOf(buffer);
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
  return status;
}

TEST(ServerApiTest, AnInvalidGraphIsRefusedWithAllThatIsWrong) {
  CoordinatorHarness harness;
  v1::SubmitJobRequest request = SmallJob("bad");
  v1::Graph& graph = *request.mutable_spec()->mutable_graph()->mutable_inline_graph();
  graph.mutable_nodes(1)->set_type("ReLUU");
  (*graph.mutable_nodes(2)->mutable_params())["out_features"].set_int_value(-3);
  v1::SubmitJobResponse response;
  grpc::ClientContext context;
  const grpc::Status status = harness.jobs->SubmitJob(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "GRAPH_INVALID");
  const auto diagnostics = FindDetail<v1::ValidateResponse>(DetailsOf(status));
  ASSERT_TRUE(diagnostics.has_value());
  ASSERT_GE(diagnostics->diagnostics_size(), 1);
  EXPECT_EQ(diagnostics->diagnostics(0).node(), "act");
  const auto bad = FindDetail<google::rpc::BadRequest>(DetailsOf(status));
  ASSERT_TRUE(bad.has_value());
  EXPECT_EQ(bad->field_violations_size(), diagnostics->diagnostics_size());
}

TEST(ServerApiTest, ErrorsOfAHugeGraphStillFitIntoTrailers) {
  CoordinatorHarness harness;
  v1::SubmitJobRequest request = SmallJob("bad");
  v1::Graph& graph = *request.mutable_spec()->mutable_graph()->mutable_inline_graph();
  for (int i = 0; i < 800; ++i) {
    v1::Node* node = graph.add_nodes();
    node->set_id(fmt::format("unknown_node_with_a_long_name_{}", i));
    node->set_type("NoSuchType");
    node->add_inputs()->mutable_value()->mutable_reference()->set_node("x");
  }
  v1::SubmitJobResponse response;
  grpc::ClientContext context;
  const grpc::Status status = harness.jobs->SubmitJob(&context, request, &response);
  EXPECT_EQ(ReasonOf(status), "GRAPH_INVALID");
  EXPECT_LE(status.error_details().size(), kMaxErrorBytes);
  const auto diagnostics = FindDetail<v1::ValidateResponse>(DetailsOf(status));
  ASSERT_TRUE(diagnostics.has_value());
  EXPECT_GE(diagnostics->diagnostics_size(), 3);
}

TEST(ServerApiTest, JobMistakesAreDiagnostics) {
  CoordinatorHarness harness;
  v1::SubmitJobRequest request = SmallJob("bad");
  request.mutable_spec()->mutable_optimizer()->set_type("Adamm");
  request.mutable_spec()->mutable_data()->mutable_csv()->set_path("/etc/passwd");
  v1::SubmitJobResponse response;
  grpc::ClientContext context;
  const grpc::Status status = harness.jobs->SubmitJob(&context, request, &response);
  EXPECT_EQ(ReasonOf(status), "JOB_INVALID");
  const auto diagnostics = FindDetail<v1::ValidateResponse>(DetailsOf(status));
  ASSERT_TRUE(diagnostics.has_value());
  std::vector<std::string> codes;
  for (const auto& diagnostic : diagnostics->diagnostics()) codes.push_back(diagnostic.code());
  EXPECT_THAT(codes, testing::Contains("FILE_NOT_UPLOADED"));
  EXPECT_GE(codes.size(), 2u);
}

// What a job names and the server does not have.
TEST(ServerApiTest, UnknownWeightsAndDatasetsAreDiagnostics) {
  CoordinatorHarness harness;
  v1::SubmitJobRequest request = SmallJob("bad");
  request.mutable_spec()->mutable_weights()->set_job("no-such-job");
  request.mutable_spec()->mutable_data()->set_dataset("no-such-dataset");
  v1::SubmitJobResponse response;
  grpc::ClientContext context;
  const grpc::Status status = harness.jobs->SubmitJob(&context, request, &response);
  const auto diagnostics = FindDetail<v1::ValidateResponse>(DetailsOf(status));
  ASSERT_TRUE(diagnostics.has_value());
  std::vector<std::string> codes;
  for (const auto& diagnostic : diagnostics->diagnostics()) codes.push_back(diagnostic.code());
  EXPECT_THAT(codes, testing::Contains("DATASET_UNKNOWN"));
  EXPECT_THAT(codes, testing::Contains("WEIGHTS_UNKNOWN"));
}

TEST(ServerApiTest, GraphsAreMended) {
  CoordinatorHarness harness;
  v1::FixGraphRequest request;
  *request.mutable_graph() = SmallGraph();
  request.mutable_graph()->mutable_nodes(1)->set_type("ReLUU");
  (*request.mutable_graph()->mutable_nodes(2)->mutable_params())["in_features"].set_int_value(77);
  v1::FixGraphResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(harness.compile->FixGraph(&context, request, &response).ok());
  EXPECT_EQ(response.diagnostics_size(), 0);
  ASSERT_EQ(response.applied_size(), 2);
  EXPECT_EQ(response.applied(0).fixes_size(), 1);
  EXPECT_EQ(response.graph().nodes(1).type(), "ReLU");
  v1::ValidateRequest validate;
  *validate.mutable_graph() = response.graph();
  v1::ValidateResponse answer;
  grpc::ClientContext again;
  ASSERT_TRUE(harness.compile->Validate(&again, validate, &answer).ok());
  EXPECT_TRUE(answer.valid());
}

TEST(ServerApiTest, GraphsAreEdited) {
  CoordinatorHarness harness;
  v1::EditGraphRequest request;
  *request.mutable_graph() = SmallGraph();
  v1::EditGraphResponse opened;
  grpc::ClientContext context;
  ASSERT_TRUE(harness.compile->EditGraph(&context, request, &opened).ok());
  EXPECT_TRUE(opened.valid());
  EXPECT_EQ(opened.nodes_size(), 3);
  v1::EditGraphRequest change;
  change.set_session(opened.session());
  change.set_base_revision(opened.revision());
  *change.add_nodes() = SmallGraph().nodes(1);
  change.mutable_nodes(0)->set_type("ReLUU");
  v1::EditGraphResponse changed;
  grpc::ClientContext second;
  ASSERT_TRUE(harness.compile->EditGraph(&second, change, &changed).ok());
  EXPECT_FALSE(changed.valid());
  ASSERT_EQ(changed.diagnostics_size(), 1);
  EXPECT_EQ(changed.diagnostics(0).code(), "UNKNOWN_TYPE");
  grpc::ClientContext third;
  const grpc::Status late = harness.compile->EditGraph(&third, change, &changed);
  EXPECT_EQ(late.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ReasonOf(late), "ETAG_MISMATCH");
  change.set_session("00000000000000000000000000000000");
  grpc::ClientContext fourth;
  EXPECT_EQ(ReasonOf(harness.compile->EditGraph(&fourth, change, &changed)), "NOT_FOUND");
}

TEST(ServerApiTest, ValidateOnlyStoresNothing) {
  CoordinatorHarness harness;
  v1::SubmitJobRequest request = SmallJob("dry");
  request.set_validate_only(true);
  const v1::Job job = harness.Submit(request);
  EXPECT_EQ(job.graph_hash().size(), 64u);
  EXPECT_GT(job.estimate().peak_bytes(), 0);
  EXPECT_EQ(job.spec().data().batch_size(), 32);
  v1::GetJobRequest get;
  get.set_name("dry");
  v1::Job missing;
  grpc::ClientContext context;
  EXPECT_EQ(ReasonOf(harness.jobs->GetJob(&context, get, &missing)), "NOT_FOUND");
}

TEST(ServerApiTest, MessagesAboveTheLimitAreRefused) {
  CoordinatorHarness harness;
  v1::GetJobRequest request;
  request.set_name(std::string(kPlainLimit + 1, 'x'));
  v1::Job job;
  grpc::ClientContext context;
  const grpc::Status status = harness.jobs->GetJob(&context, request, &job);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "TOO_LARGE");
  v1::ValidateRequest graph;
  graph.mutable_graph()->set_doc(std::string(kGraphLimit + 4096, 'x'));
  v1::ValidateResponse answer;
  grpc::ClientContext graph_context;
  EXPECT_EQ(harness.compile->Validate(&graph_context, graph, &answer).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  graph.mutable_graph()->set_doc(std::string(kPlainLimit * 2, 'x'));
  grpc::ClientContext allowed_context;
  EXPECT_TRUE(harness.compile->Validate(&allowed_context, graph, &answer).ok());
}

TEST(ServerApiTest, BytesThatAreNoMessageAreAnError) {
  CoordinatorHarness harness;
  std::string response;
  for (const char* method :
       {"/graphkiln.v1.JobService/GetJob", "/graphkiln.v1.JobService/WatchJob"}) {
    const grpc::Status status = RawCall(harness.NewChannel(), method, "\xff\xff\xff", &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << method;
    EXPECT_EQ(ReasonOf(status), "FIELD_INVALID") << method;
  }
}

TEST(ServerApiTest, TokensAndRolesDecideWhoMayCall) {
  ServerOptions options;
  options.authenticator =
      *Authenticator::FromText("user-token-1 alice user\nworker-token-1 w1 worker\nroot-token-1\n");
  CoordinatorHarness harness(options);
  const auto get = [&](const char* authorization) {
    v1::ListJobsResponse response;
    grpc::ClientContext context;
    if (authorization != nullptr) context.AddMetadata("authorization", authorization);
    return harness.jobs->ListJobs(&context, v1::ListJobsRequest(), &response);
  };
  EXPECT_EQ(ReasonOf(get(nullptr)), "UNAUTHENTICATED");
  EXPECT_EQ(ReasonOf(get("Bearer wrong-token-1")), "UNAUTHENTICATED");
  EXPECT_EQ(ReasonOf(get("Basic user-token-1")), "UNAUTHENTICATED");
  EXPECT_EQ(ReasonOf(get("Bearer worker-token-1")), "PERMISSION_DENIED");
  EXPECT_TRUE(get("Bearer user-token-1").ok());
  EXPECT_TRUE(get("bearer root-token-1").ok());

  // Streams are asked, too.
  v1::WatchJobRequest watch;
  watch.set_name("any");
  grpc::ClientContext context;
  auto reader = harness.jobs->WatchJob(&context, watch);
  v1::WatchJobResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(ReasonOf(reader->Finish()), "UNAUTHENTICATED");

  v1::CordonWorkerRequest cordon;
  cordon.set_name("w1");
  v1::Worker worker;
  grpc::ClientContext operator_context;
  operator_context.AddMetadata("authorization", "Bearer user-token-1");
  EXPECT_EQ(ReasonOf(harness.system->CordonWorker(&operator_context, cordon, &worker)),
            "PERMISSION_DENIED");
}

TEST(ServerApiTest, UnsupportedMethodsSaySo) {
  CoordinatorHarness harness;
  v1::ForkJobRequest request;
  v1::Job job;
  grpc::ClientContext context;
  const grpc::Status status = harness.jobs->ForkJob(&context, request, &job);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(ReasonOf(status), "UNSUPPORTED");
}

TEST(ServerApiTest, PlansTheModesOfAGraph) {
  CoordinatorHarness harness;
  v1::PlanGraphRequest request;
  v1::Graph& graph = *request.mutable_graph();
  graph.add_inputs()->set_name("x");
  graph.mutable_inputs(0)->mutable_spec()->add_shape()->set_symbol("B");
  std::string last = "x";
  for (const auto& [id, mode] : {std::pair<std::string, v1::CompileMode>{"d", {}},
                                 {"c", v1::COMPILE_MODE_EXPORT},
                                 {"b", v1::COMPILE_MODE_CONSTANT},
                                 {"a", v1::COMPILE_MODE_FREEZE}}) {
    v1::Node* node = graph.add_nodes();
    node->set_id(id);
    node->set_type("ReLU");
    node->set_compile_mode(mode);
    node->add_inputs()->mutable_value()->mutable_reference()->set_node(last);
    last = id;
  }
  const auto call = [&](v1::PlanGraphResponse* plan) {
    std::string response;
    const grpc::Status status =
        RawCall(harness.NewChannel(), "/graphkiln.v1.CompileService/PlanGraph",
                request.SerializeAsString(), &response);
    EXPECT_TRUE(plan->ParseFromString(response));
    return status.ok() ? "" : ReasonOf(status);
  };
  v1::PlanGraphResponse plan;
  EXPECT_EQ(call(&plan), "GRAPH_INVALID");  // no output yet
  graph.add_outputs()->set_name("y");
  graph.mutable_outputs(0)->mutable_value()->mutable_reference()->set_node("a");
  EXPECT_EQ(call(&plan), "");
  EXPECT_EQ(plan.frozen(0) + plan.constant(0) + plan.exported(0) + plan.runtime(0), "abcd");
  // The same that `kiln plan` prints.
  EXPECT_THAT(plan.active_regions(), testing::ElementsAre("a", "d"));
  EXPECT_EQ(plan.active_connections_size(), 0);
  EXPECT_EQ(plan.eliminated(), 2);
  EXPECT_EQ(plan.diagnostics_size(), 3);  // modes of nodes without weights
}

TEST(ServerApiTest, HealthAndReflectionKnowEveryService) {
  CoordinatorHarness harness;
  std::string response;
  for (const std::string service :
       {"", "graphkiln.v1.JobService", "graphkiln.worker.v1.WorkerService"}) {
    const std::string request =
        service.empty() ? "" : "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
    EXPECT_TRUE(
        RawCall(harness.NewChannel(), "/grpc.health.v1.Health/Check", request, &response).ok());
    EXPECT_EQ(response, "\x08\x01") << service;  // SERVING
  }
  ASSERT_TRUE(RawCall(harness.NewChannel(),
                      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*",
                      &response)
                  .ok());
  for (const char* service :
       {"graphkiln.v1.CompileService", "graphkiln.v1.GraphService", "graphkiln.v1.JobService",
        "graphkiln.v1.NodeRegistryService", "graphkiln.v1.DatasetService",
        "graphkiln.v1.ArtifactService", "graphkiln.v1.SystemService",
        "graphkiln.worker.v1.WorkerService", "grpc.health.v1.Health"}) {
    EXPECT_THAT(response, testing::HasSubstr(service));
  }
  // file_containing_symbol gives the descriptor itself.
  const std::string symbol = "graphkiln.v1.JobService";
  ASSERT_TRUE(RawCall(harness.NewChannel(),
                      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                      "\x22" + std::string(1, static_cast<char>(symbol.size())) + symbol, &response)
                  .ok());
  EXPECT_THAT(response, testing::HasSubstr("graphkiln/v1/job_service.proto"));
}

}  // namespace
}  // namespace graphkiln::coordinator
