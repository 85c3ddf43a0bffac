// Graphs, artifacts, datasets, node types and workers of a running coordinator, over real gRPC.
#include <set>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "services/coordinator/server.h"
#include "tests/fakes/coordinator_harness.h"

namespace graphkiln::coordinator {
namespace {

TEST(ServerResourcesTest, GraphsAreSavedUpdatedListedAndDeleted) {
  CoordinatorHarness harness;
  v1::CreateGraphRequest create;
  create.set_graph_id("mlp");
  create.set_request_id("one");
  *create.mutable_graph()->mutable_graph() = SmallGraph();
  (*create.mutable_graph()->mutable_labels())["team"] = "a";
  v1::SavedGraph created;
  v1::SavedGraph repeated;
  grpc::ClientContext c1;
  ASSERT_TRUE(harness.graphs->CreateGraph(&c1, create, &created).ok());
  grpc::ClientContext c2;
  ASSERT_TRUE(harness.graphs->CreateGraph(&c2, create, &repeated).ok());
  EXPECT_EQ(created.uid(), repeated.uid());
  create.set_request_id("two");
  grpc::ClientContext c3;
  EXPECT_EQ(ReasonOf(harness.graphs->CreateGraph(&c3, create, &repeated)), "ALREADY_EXISTS");

  v1::UpdateGraphRequest update;
  *update.mutable_graph() = created;
  update.mutable_graph()->mutable_graph()->mutable_nodes()->RemoveLast();
  v1::SavedGraph updated;
  grpc::ClientContext c4;
  ASSERT_TRUE(harness.graphs->UpdateGraph(&c4, update, &updated).ok());
  EXPECT_NE(updated.etag(), created.etag());
  EXPECT_NE(updated.graph_hash(), created.graph_hash());
  EXPECT_EQ(updated.uid(), created.uid());
  grpc::ClientContext c5;
  const grpc::Status stale = harness.graphs->UpdateGraph(&c5, update, &updated);
  EXPECT_EQ(stale.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ReasonOf(stale), "ETAG_MISMATCH");
  update.mutable_graph()->clear_etag();
  update.mutable_update_mask()->add_paths("labels");
  (*update.mutable_graph()->mutable_labels())["team"] = "b";
  grpc::ClientContext c6;
  ASSERT_TRUE(harness.graphs->UpdateGraph(&c6, update, &updated).ok());
  EXPECT_EQ(updated.labels().at("team"), "b");

  for (const char* id : {"a", "b", "c"}) {
    create.set_graph_id(id);
    create.clear_request_id();
    grpc::ClientContext context;
    ASSERT_TRUE(harness.graphs->CreateGraph(&context, create, &repeated).ok());
  }
  v1::ListGraphsRequest list;
  list.set_page_size(3);
  v1::ListGraphsResponse page;
  grpc::ClientContext c7;
  ASSERT_TRUE(harness.graphs->ListGraphs(&c7, list, &page).ok());
  EXPECT_EQ(page.graphs_size(), 3);
  EXPECT_FALSE(page.graphs(0).has_graph());
  list.set_page_token(page.next_page_token());
  grpc::ClientContext c8;
  ASSERT_TRUE(harness.graphs->ListGraphs(&c8, list, &page).ok());
  ASSERT_EQ(page.graphs_size(), 1);
  EXPECT_EQ(page.graphs(0).name(), "projects/default/graphs/mlp");
  EXPECT_TRUE(page.next_page_token().empty());
  list.set_parent("projects/other");
  grpc::ClientContext c9;
  EXPECT_EQ(ReasonOf(harness.graphs->ListGraphs(&c9, list, &page)), "TOKEN_INVALID");
  list.clear_page_token();
  list.set_page_size(-1);
  grpc::ClientContext c10;
  EXPECT_EQ(ReasonOf(harness.graphs->ListGraphs(&c10, list, &page)), "FIELD_INVALID");

  // A job by the graph's name, by its hash, and by a name that is gone.
  v1::SubmitJobRequest job = SmallJob("by-name");
  job.mutable_spec()->mutable_graph()->set_name("a");
  EXPECT_EQ(harness.Submit(job).graph_hash(), created.graph_hash());
  job.set_job_id("by-hash");
  job.mutable_spec()->mutable_graph()->set_hash(created.graph_hash());
  EXPECT_EQ(harness.Submit(job).graph_hash(), created.graph_hash());
  v1::DeleteGraphRequest remove;
  remove.set_name("mlp");
  google::protobuf::Empty empty;
  grpc::ClientContext c11;
  EXPECT_TRUE(harness.graphs->DeleteGraph(&c11, remove, &empty).ok());
  grpc::ClientContext c12;
  EXPECT_EQ(ReasonOf(harness.graphs->DeleteGraph(&c12, remove, &empty)), "NOT_FOUND");
  job.set_job_id("by-nothing");
  job.mutable_spec()->mutable_graph()->set_name("mlp");
  v1::SubmitJobResponse response;
  grpc::ClientContext c13;
  EXPECT_EQ(ReasonOf(harness.jobs->SubmitJob(&c13, job, &response)), "NOT_FOUND");
}

TEST(ServerResourcesTest, ArtifactsAreCheckedAndReadFromAnyOffset) {
  CoordinatorHarness harness;
  std::string bytes(3 << 20, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
  const std::string sha256 = Sha256Hex(bytes);
  v1::Artifact artifact;
  EXPECT_EQ(ReasonOf(harness.Upload(std::string(64, 'a'), bytes, &artifact)), "CHECKSUM_MISMATCH");
  EXPECT_EQ(ReasonOf(harness.Upload("../../etc/passwd", bytes, &artifact)), "FIELD_INVALID");
  for (int twice = 0; twice < 2; ++twice) {  // the second costs one message
    const grpc::Status status = harness.Upload(sha256, bytes, &artifact);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(artifact.name(), "artifacts/" + sha256);
    EXPECT_EQ(artifact.bytes(), 3 << 20);
  }
  for (const int64_t offset : {0, 1 << 20, (3 << 20) - 5, 3 << 20}) {
    v1::DownloadArtifactRequest request;
    request.set_name("artifacts/" + sha256);
    request.set_offset(offset);
    grpc::ClientContext context;
    auto reader = harness.artifacts->DownloadArtifact(&context, request);
    v1::DownloadArtifactResponse chunk;
    std::string read;
    while (reader->Read(&chunk)) {
      EXPECT_LE(chunk.data().size(), 1u << 20);
      read += chunk.data();
    }
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_TRUE(read == bytes.substr(static_cast<size_t>(offset))) << offset;
  }
  v1::CreateDatasetRequest create;
  create.set_dataset_id("numbers");
  create.mutable_dataset()->set_format("csv");
  create.mutable_dataset()->set_artifact(std::string(64, 'b'));
  v1::Dataset dataset;
  grpc::ClientContext c1;
  EXPECT_EQ(ReasonOf(harness.datasets->CreateDataset(&c1, create, &dataset)), "NOT_FOUND");
  create.mutable_dataset()->set_artifact(sha256);
  grpc::ClientContext c2;
  ASSERT_TRUE(harness.datasets->CreateDataset(&c2, create, &dataset).ok());
  EXPECT_EQ(dataset.bytes(), 3 << 20);
  v1::ListArtifactsResponse list;
  grpc::ClientContext c3;
  ASSERT_TRUE(harness.artifacts->ListArtifacts(&c3, v1::ListArtifactsRequest(), &list).ok());
  EXPECT_EQ(list.artifacts_size(), 1);
}

TEST(ServerResourcesTest, DamagedArtifactIsToldAndHealedByAnUpload) {
  CoordinatorHarness harness;
  const std::string bytes((2 << 20) + 7, 'x');
  const std::string sha256 = Sha256Hex(bytes);
  const std::string path = JoinPath(harness.options().state_dir,
                                    "artifacts/" + sha256.substr(0, 2) + "/" + sha256.substr(2));
  const auto download = [&] {
    v1::DownloadArtifactRequest request;
    request.set_name("artifacts/" + sha256);
    grpc::ClientContext context;
    auto reader = harness.artifacts->DownloadArtifact(&context, request);
    v1::DownloadArtifactResponse chunk;
    while (reader->Read(&chunk)) {
    }
    return reader->Finish();
  };
  v1::Artifact artifact;
  for (const bool downloaded : {true, false}) {
    ASSERT_TRUE(harness.Upload(sha256, bytes, &artifact).ok());
    ASSERT_TRUE(harness.Upload(sha256, bytes, &artifact).ok());  // it is there
    std::string wrong = bytes;
    wrong[1'500'000] = 'y';
    ASSERT_TRUE(WriteFileAtomic(path, wrong).ok());
    if (downloaded) {
      EXPECT_EQ(ReasonOf(download()), "CHECKSUM_MISMATCH");
      EXPECT_EQ(ReasonOf(download()), "NOT_FOUND");
    }
    ASSERT_TRUE(harness.Upload(sha256, bytes, &artifact).ok());
    EXPECT_TRUE(*ReadFile(path, 4 << 20) == bytes);
    EXPECT_TRUE(download().ok());
  }
}

TEST(ServerResourcesTest, ListsAreCutByBytes) {
  CoordinatorHarness harness;
  v1::Artifact artifact;
  ASSERT_TRUE(harness.Upload(Sha256Hex("a"), "a", &artifact).ok());
  v1::CreateDatasetRequest create;
  create.mutable_dataset()->set_format("csv");
  create.mutable_dataset()->set_artifact(Sha256Hex("a"));
  auto& labels = *create.mutable_dataset()->mutable_labels();
  for (int i = 0; i < 64; ++i)
    labels[std::string(253, 'k') + std::to_string(100 + i)].assign(256, 'v');
  constexpr int kDatasets = 120;  // 32 KiB each
  for (int i = 0; i < kDatasets; ++i) {
    create.set_dataset_id("d" + std::to_string(1000 + i));
    v1::Dataset dataset;
    grpc::ClientContext context;
    ASSERT_TRUE(harness.datasets->CreateDataset(&context, create, &dataset).ok());
  }
  labels["one too many"] = "";
  v1::Dataset refused;
  grpc::ClientContext context;
  EXPECT_EQ(ReasonOf(harness.datasets->CreateDataset(&context, create, &refused)), "FIELD_INVALID");
  std::set<std::string> names;
  int pages = 0;
  v1::ListDatasetsRequest list;
  list.set_page_size(1000);
  do {
    v1::ListDatasetsResponse page;
    grpc::ClientContext c;
    ASSERT_TRUE(harness.datasets->ListDatasets(&c, list, &page).ok());
    EXPECT_LT(page.ByteSizeLong(), 4u << 20);
    for (const v1::Dataset& dataset : page.datasets()) names.insert(dataset.name());
    list.set_page_token(page.next_page_token());
    ++pages;
  } while (!list.page_token().empty());
  EXPECT_EQ(names.size(), kDatasets);
  EXPECT_EQ(pages, 2);
}

TEST(ServerResourcesTest, AnUploadThatIsGivenUpLeavesNothing) {
  CoordinatorHarness harness;
  v1::Artifact artifact;
  {
    grpc::ClientContext context;
    auto writer = harness.artifacts->UploadArtifact(&context, &artifact);
    v1::UploadArtifactRequest request;
    request.mutable_artifact()->set_sha256(std::string(64, 'c'));
    request.mutable_artifact()->set_bytes(1 << 20);
    request.set_data("only the beginning");
    EXPECT_TRUE(writer->Write(request));
    context.TryCancel();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(WaitUntil([&] { return harness.server().grpc_server().live_streams() == 0; }));
  v1::ListArtifactsResponse list;
  grpc::ClientContext context;
  ASSERT_TRUE(harness.artifacts->ListArtifacts(&context, v1::ListArtifactsRequest(), &list).ok());
  EXPECT_EQ(list.artifacts_size(), 0);
}

TEST(ServerResourcesTest, CompileServiceAnswersAboutAGraph) {
  CoordinatorHarness harness;
  v1::ValidateRequest validate;
  *validate.mutable_graph() = SmallGraph();
  v1::ValidateResponse valid;
  grpc::ClientContext c1;
  ASSERT_TRUE(harness.compile->Validate(&c1, validate, &valid).ok());
  EXPECT_TRUE(valid.valid());
  EXPECT_EQ(valid.nodes_size(), 3);
  v1::SummarizeRequest summarize;
  *summarize.mutable_graph() = SmallGraph();
  v1::SummarizeResponse summary;
  grpc::ClientContext c2;
  ASSERT_TRUE(harness.compile->Summarize(&c2, summarize, &summary).ok());
  EXPECT_EQ(summary.parameters(), 4 * 8 + 8 + 8 * 3 + 3);
  v1::GenerateCodeRequest generate;
  *generate.mutable_graph() = SmallGraph();
  generate.set_target("python");
  v1::GenerateCodeResponse code;
  grpc::ClientContext c3;
  ASSERT_TRUE(harness.compile->GenerateCode(&c3, generate, &code).ok());
  ASSERT_EQ(code.files_size(), 1);
  EXPECT_THAT(code.files(0).content(), testing::HasSubstr("nn.Linear"));
  generate.set_target("cobol");
  grpc::ClientContext c4;
  EXPECT_EQ(ReasonOf(harness.compile->GenerateCode(&c4, generate, &code)), "UNSUPPORTED");
  v1::DiffGraphsRequest diff;
  *diff.mutable_left() = SmallGraph();
  *diff.mutable_right() = SmallGraph();
  diff.mutable_right()->mutable_nodes(1)->set_type("GELU");
  v1::DiffGraphsResponse difference;
  grpc::ClientContext c5;
  ASSERT_TRUE(harness.compile->DiffGraphs(&c5, diff, &difference).ok());
  EXPECT_FALSE(difference.equal());
  ASSERT_EQ(difference.changed_size(), 1);
  EXPECT_EQ(difference.changed(0).node(), "act");
  v1::GetNodeTypeRequest node;
  node.set_name("Linaer");
  v1::NodeType type;
  grpc::ClientContext c6;
  const grpc::Status unknown = harness.nodes->GetNodeType(&c6, node, &type);
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(unknown.error_message(), testing::HasSubstr("Linear"));
}

TEST(ServerResourcesTest, CompositesAreMadeAndTakenApart) {
  CoordinatorHarness harness;
  const auto collapse = [&](const v1::CollapseGraphRequest& request,
                            v1::RegroupGraphResponse* response) {
    grpc::ClientContext context;
    return harness.compile->CollapseGraph(&context, request, response);
  };
  const auto unpack = [&](const v1::UnpackGraphRequest& request,
                          v1::RegroupGraphResponse* response) {
    grpc::ClientContext context;
    return harness.compile->UnpackGraph(&context, request, response);
  };
  v1::CollapseGraphRequest request;
  *request.mutable_graph() = SmallGraph();
  request.add_nodes("fc1");
  request.add_nodes("act");
  v1::RegroupGraphResponse collapsed;
  EXPECT_EQ(ReasonOf(collapse(request, &collapsed)), "FIELD_INVALID");  // no type
  request.set_type("Front");
  ASSERT_TRUE(collapse(request, &collapsed).ok());
  ASSERT_EQ(collapsed.graph().nodes_size(), 2);
  EXPECT_EQ(collapsed.graph().nodes(0).id(), "front");  // the type's name
  ASSERT_EQ(collapsed.keys_size(), 2);
  EXPECT_EQ(collapsed.keys(0).from(), "fc1.weight");
  EXPECT_EQ(collapsed.keys(0).to(), "front.fc1.weight");
  request.add_nodes("none");
  v1::RegroupGraphResponse ignored;
  EXPECT_EQ(ReasonOf(collapse(request, &ignored)), "NOT_FOUND");

  v1::UnpackGraphRequest apart;
  *apart.mutable_graph() = collapsed.graph();
  EXPECT_EQ(ReasonOf(unpack(apart, &ignored)), "FIELD_INVALID");  // no nodes
  apart.add_nodes("front");
  v1::RegroupGraphResponse unpacked;
  ASSERT_TRUE(unpack(apart, &unpacked).ok());
  EXPECT_EQ(unpacked.graph().nodes_size(), 3);
  EXPECT_EQ(unpacked.keys(0).from(), "front.fc1.weight");
  apart.set_nodes(0, "out");  // holds nothing
  EXPECT_EQ(ReasonOf(unpack(apart, &ignored)), "FIELD_INVALID");
  apart.mutable_graph()->mutable_nodes(0)->set_type("Nothing");
  EXPECT_EQ(ReasonOf(unpack(apart, &ignored)), "GRAPH_INVALID");
}

TEST(ServerResourcesTest, GraphsAreMergedAndRenamesTold) {
  CoordinatorHarness harness;
  v1::MergeGraphsRequest request;
  *request.mutable_base() = SmallGraph();
  *request.mutable_ours() = SmallGraph();
  *request.mutable_theirs() = SmallGraph();
  (*request.mutable_ours()->mutable_nodes(0)->mutable_params())["out_features"].set_int_value(16);
  request.mutable_theirs()->mutable_nodes(1)->set_type("GELU");
  const auto merge = [&] {
    v1::MergeGraphsResponse response;
    grpc::ClientContext context;
    EXPECT_TRUE(harness.compile->MergeGraphs(&context, request, &response).ok());
    return response;
  };
  v1::MergeGraphsResponse merged = merge();
  EXPECT_EQ(merged.conflicts_size(), 0);
  EXPECT_EQ(merged.graph().nodes(0).params().at("out_features").int_value(), 16);
  EXPECT_EQ(merged.graph().nodes(1).type(), "GELU");
  request.mutable_ours()->mutable_nodes(1)->set_type("Tanh");
  merged = merge();
  ASSERT_EQ(merged.conflicts_size(), 1);
  EXPECT_EQ(merged.conflicts(0).node(), "act");
  EXPECT_EQ(merged.conflicts(0).theirs(), "\"GELU\"");
  EXPECT_EQ(merged.graph().nodes(1).type(), "Tanh");
  request.set_prefer(v1::MergeGraphsRequest::SIDE_THEIRS);
  EXPECT_EQ(merge().graph().nodes(1).type(), "GELU");

  v1::DiffGraphsRequest diff;
  *diff.mutable_left() = SmallGraph();
  *diff.mutable_right() = SmallGraph();
  diff.mutable_right()->mutable_nodes(1)->set_id("relu");
  diff.mutable_right()
      ->mutable_nodes(2)
      ->mutable_inputs(0)
      ->mutable_value()
      ->mutable_reference()
      ->set_node("relu");
  v1::DiffGraphsResponse difference;
  grpc::ClientContext context;
  ASSERT_TRUE(harness.compile->DiffGraphs(&context, diff, &difference).ok());
  ASSERT_EQ(difference.renamed_size(), 1);
  EXPECT_EQ(difference.renamed(0).from() + " " + difference.renamed(0).to(), "act relu");
  EXPECT_EQ(difference.added_size(), 1);
}

TEST(ServerResourcesTest, WorkersAreShownCordonedAndFreed) {
  CoordinatorHarness harness;
  WireWorker wire(harness, "w1");
  v1::ListWorkersResponse list;
  EXPECT_TRUE(WaitUntil([&] {
    grpc::ClientContext context;
    return harness.system->ListWorkers(&context, v1::ListWorkersRequest(), &list).ok() &&
           list.workers_size() == 1;
  }));
  EXPECT_EQ(list.workers(0).name(), "workers/w1");
  EXPECT_EQ(list.workers(0).inventory().slots(), 2);
  v1::CordonWorkerRequest cordon;
  cordon.set_name("w1");
  v1::Worker worker;
  grpc::ClientContext c1;
  ASSERT_TRUE(harness.system->CordonWorker(&c1, cordon, &worker).ok());
  EXPECT_TRUE(worker.cordoned());
  v1::UncordonWorkerRequest uncordon;
  uncordon.set_name("workers/w1");
  grpc::ClientContext c2;
  ASSERT_TRUE(harness.system->UncordonWorker(&c2, uncordon, &worker).ok());
  EXPECT_FALSE(worker.cordoned());
  v1::GetServerInfoRequest ask;
  v1::ServerInfo info;
  grpc::ClientContext c3;
  ASSERT_TRUE(harness.system->GetServerInfo(&c3, ask, &info).ok());
  EXPECT_FALSE(info.version().empty());
}

}  // namespace
}  // namespace graphkiln::coordinator
