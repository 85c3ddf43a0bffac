#include "services/coordinator/rpc/method_table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "common/base/status_matchers.h"
#include "graphkiln/v1/job_service.pb.h"
#include "graphkiln/worker/v1/worker_service.pb.h"
#include "services/coordinator/rpc/services.h"

namespace graphkiln::coordinator {
namespace {

using google::protobuf::DescriptorPool;

MethodTable FullTable() {
  // The factories keep a reference only; nothing is called.
  static Services services;
  MethodTable table;
  AddAllMethods(table, services);
  return table;
}

TEST(MethodTableTest, EveryDeclaredMethodHasAnEntryAndARule) {
  const MethodTable table = FullTable();
  EXPECT_OK(table.CheckComplete());
  // Every service of the public and the worker package, found by walking the files.
  std::set<std::string> declared;
  for (const char* file :
       {"artifact_service", "compile_service", "dataset_service", "graph_service", "job_service",
        "node_registry_service", "system_service"}) {
    const auto* descriptor = DescriptorPool::generated_pool()->FindFileByName(
        fmt::format("graphkiln/v1/{}.proto", file));
    ASSERT_NE(descriptor, nullptr) << file;
    for (int i = 0; i < descriptor->service_count(); ++i) {
      declared.insert(descriptor->service(i)->full_name());
    }
  }
  declared.insert(worker::v1::ConnectRequest::descriptor()->file()->service(0)->full_name());
  EXPECT_EQ(declared, std::set<std::string>(table.services().begin(), table.services().end()));
  for (const std::string& service : declared) {
    const auto* descriptor = DescriptorPool::generated_pool()->FindServiceByName(service);
    for (int i = 0; i < descriptor->method_count(); ++i) {
      const auto* method = descriptor->method(i);
      const MethodEntry* entry = table.Find(fmt::format("/{}/{}", service, method->name()));
      ASSERT_NE(entry, nullptr) << method->full_name();
      EXPECT_EQ(entry->kind == MethodKind::kUnary,
                !method->client_streaming() && !method->server_streaming());
      EXPECT_EQ(entry->request->GetDescriptor(), method->input_type());
      EXPECT_EQ(entry->response->GetDescriptor(), method->output_type());
      EXPECT_LE(entry->rule.max_request_bytes, kGraphLimit);
      EXPECT_EQ(service == "graphkiln.worker.v1.WorkerService", entry->rule.role == Role::kWorker);
    }
  }
}

TEST(MethodTableTest, OperatorsMethodsAskForOperators) {
  const MethodTable table = FullTable();
  for (const char* method : {"CordonWorker", "UncordonWorker", "DrainWorker"}) {
    EXPECT_EQ(table.Find(fmt::format("/graphkiln.v1.SystemService/{}", method))->rule.role,
              Role::kOperator);
  }
}

TEST(MethodTableTest, AnIncompleteServiceIsNoticed) {
  MethodTable table;
  table.Unsupported("/graphkiln.v1.JobService/GetJob", Role::kUser);
  EXPECT_FALSE(table.CheckComplete().ok());
  EXPECT_EQ(table.Find("/graphkiln.v1.JobService/ListJobs"), nullptr);
}

TEST(MethodTableDeathTest, WrongEntriesAreBugs) {
  SetAbortOnBug(true);
  MethodTable table;
  EXPECT_DEATH(table.Unsupported("/graphkiln.v1.JobService/NoSuchMethod", Role::kUser), "");
  EXPECT_DEATH((table.Unary<v1::GetJobRequest, v1::GetJobRequest>(
                   "/graphkiln.v1.JobService/GetJob", {.role = Role::kUser},
                   [](const CallPtr&, v1::GetJobRequest&, const Reply<v1::GetJobRequest>&) {})),
               "");
}

}  // namespace
}  // namespace graphkiln::coordinator
