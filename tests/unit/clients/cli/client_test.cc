// The published service config against the contract, and the client's channel against a server that
// fails.
#include "clients/cli/client.h"

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/base/strings.h"
#include "google/protobuf/descriptor.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "graphkiln/v1/node_registry_service.pb.h"
#include "graphkiln/v1/service_config.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace graphkiln::cli {
namespace {

using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

std::vector<const MethodDescriptor*> PublicMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const FileDescriptor* file :
       {v1::ValidateRequest::descriptor()->file(), v1::SavedGraph::descriptor()->file(),
        v1::NodeType::descriptor()->file(), v1::SubmitJobRequest::descriptor()->file(),
        v1::Dataset::descriptor()->file(), v1::UploadArtifactRequest::descriptor()->file(),
        v1::ServerInfo::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      const ServiceDescriptor* service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m) methods.push_back(service->method(m));
    }
  }
  return methods;
}

std::string NameOf(const MethodDescriptor& method) {
  return method.service()->full_name() + "/" + method.name();
}

// Method name -> its entry of the config; a method that stands twice is a failure.
std::map<std::string, Json> Entries() {
  std::map<std::string, Json> entries;
  const Json config = Json::parse(v1::kServiceConfigJson);
  for (const Json& entry : config["methodConfig"]) {
    for (const Json& name : entry["name"]) {
      const std::string method =
          name["service"].get<std::string>() + "/" + name["method"].get<std::string>();
      EXPECT_TRUE(entries.emplace(method, entry).second) << method << " stands twice";
    }
  }
  return entries;
}

TEST(ServiceConfig, NamesEveryMethodOfTheContractOnce) {
  std::map<std::string, Json> entries = Entries();
  const std::vector<const MethodDescriptor*> methods = PublicMethods();
  EXPECT_GE(methods.size(), 40u);
  for (const MethodDescriptor* method : methods) {
    EXPECT_EQ(entries.erase(NameOf(*method)), 1u) << NameOf(*method);
  }
  for (const auto& [name, entry] : entries) ADD_FAILURE() << name << " is no method";
}

TEST(ServiceConfig, TriesAgainWhatIsIdempotentAndBoundsWhatIsNoStream) {
  // A second one gets another answer than the first (EditGraph names the revision that it changes).
  const std::set<std::string> once = {"UpdateGraph", "DeleteGraph", "DeleteDataset", "EditGraph"};
  const std::map<std::string, Json> entries = Entries();
  for (const MethodDescriptor* method : PublicMethods()) {
    const Json& entry = entries.at(NameOf(*method));
    const bool stream = method->client_streaming() || method->server_streaming();
    EXPECT_NE(entry.contains("timeout"), stream) << NameOf(*method);
    ASSERT_NE(entry.contains("retryPolicy"), once.contains(method->name())) << NameOf(*method);
    if (!entry.contains("retryPolicy")) continue;
    EXPECT_EQ(entry["retryPolicy"]["retryableStatusCodes"], Json::array({"UNAVAILABLE"}));
    // Where a second attempt is the same only by its request id, there is one to give.
    const std::string& name = method->name();
    if (name.starts_with("Create") || name.starts_with("Submit") || name.starts_with("Fork")) {
      EXPECT_NE(method->input_type()->FindFieldByName("request_id"), nullptr) << name;
    }
  }
}

// Fails with `code` until `failures` calls came.
struct Failing {
  grpc::StatusCode code = grpc::StatusCode::UNAVAILABLE;
  int failures = 0;
  std::atomic<int> calls{0};

  grpc::Status Next() {
    return ++calls <= failures ? grpc::Status(code, "not now") : grpc::Status::OK;
  }
};

class FailingJobs final : public v1::JobService::Service {
 public:
  explicit FailingJobs(Failing* failing) : failing_(*failing) {}
  grpc::Status GetJob(grpc::ServerContext*, const v1::GetJobRequest* request,
                      v1::Job* job) override {
    job->set_name(request->name());
    return failing_.Next();
  }
  grpc::Status WatchJob(grpc::ServerContext*, const v1::WatchJobRequest*,
                        grpc::ServerWriter<v1::WatchJobResponse>* writer) override {
    grpc::Status status = failing_.Next();
    if (status.ok()) writer->Write({});
    return status;
  }

 private:
  Failing& failing_;
};

class FailingGraphs final : public v1::GraphService::Service {
 public:
  explicit FailingGraphs(Failing* failing) : failing_(*failing) {}
  grpc::Status DeleteGraph(grpc::ServerContext*, const v1::DeleteGraphRequest*,
                           google::protobuf::Empty*) override {
    return failing_.Next();
  }

 private:
  Failing& failing_;
};

class RetryTest : public testing::Test {
 protected:
  void SetUp() override {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&jobs_);
    builder.RegisterService(&graphs_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    Context context;
    context.endpoint = "127.0.0.1:" + std::to_string(port);
    auto client = Client::Connect(context);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }

  CallError GetJob(v1::Job* job) {
    v1::GetJobRequest request;
    request.set_name("a");
    return client_->Call(&v1::JobService::Stub::GetJob, client_->jobs(), request, job);
  }

  Failing failing_;
  FailingJobs jobs_{&failing_};
  FailingGraphs graphs_{&failing_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(RetryTest, AnIdempotentCallIsTriedAgainWhileTheServerIsAway) {
  failing_.failures = 2;
  v1::Job job;
  const CallError error = GetJob(&job);
  EXPECT_TRUE(error.status.ok()) << error.status;
  EXPECT_EQ(job.name(), "a");
  EXPECT_EQ(failing_.calls, 3);
}

TEST_F(RetryTest, FourAttemptsAreEnough) {
  failing_.failures = 100;
  v1::Job job;
  EXPECT_TRUE(absl::IsUnavailable(GetJob(&job).status));
  EXPECT_EQ(failing_.calls, 4);
}

TEST_F(RetryTest, OtherErrorsAreAnswers) {
  failing_.failures = 1;
  failing_.code = grpc::StatusCode::RESOURCE_EXHAUSTED;
  v1::Job job;
  EXPECT_TRUE(absl::IsResourceExhausted(GetJob(&job).status));
  EXPECT_EQ(failing_.calls, 1);
}

TEST_F(RetryTest, ADeletionIsSentOnce) {
  failing_.failures = 1;
  google::protobuf::Empty nothing;
  const CallError error = client_->Call(&v1::GraphService::Stub::DeleteGraph, client_->graphs(),
                                        v1::DeleteGraphRequest(), &nothing);
  EXPECT_TRUE(absl::IsUnavailable(error.status));
  EXPECT_EQ(failing_.calls, 1);
}

TEST_F(RetryTest, AStreamIsTriedAgainBeforeItsFirstMessage) {
  failing_.failures = 1;
  grpc::ClientContext call;
  client_->Prepare(&call);
  auto stream = client_->jobs().WatchJob(&call, {});
  v1::WatchJobResponse response;
  EXPECT_TRUE(stream->Read(&response));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(failing_.calls, 2);
}

}  // namespace
}  // namespace graphkiln::cli
