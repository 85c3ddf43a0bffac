// SystemService: the server itself, its workers, and what operators do with them.
#include <utility>

#include "common/base/status.h"
#include "graphkiln/v1/system_service.pb.h"
#include "services/coordinator/core/page_bytes.h"
#include "services/coordinator/core/time_proto.h"
#include "services/coordinator/rpc/paging.h"
#include "services/coordinator/rpc/services.h"

namespace graphkiln::coordinator {
namespace {

absl::StatusOr<v1::ListWorkersResponse> ListWorkers(Services& services,
                                                    const v1::ListWorkersRequest& request) {
  const PageTokens tokens(services.queue->sealer(), "ListWorkers");
  ASSIGN_OR_RETURN(const int64_t size, PageSize(request.page_size()));
  ASSIGN_OR_RETURN(const std::string after, tokens.After(request.page_token()));
  std::vector<v1::Worker> workers =
      services.queue->ListWorkers(after, static_cast<size_t>(size) + 1);
  v1::ListWorkersResponse response;
  PageBytes bytes;
  for (v1::Worker& worker : workers) {
    if (response.workers_size() == size || !bytes.Take(worker.ByteSizeLong())) {
      response.set_next_page_token(
          tokens.Next(response.workers(response.workers_size() - 1).name()));
      break;
    }
    *response.add_workers() = std::move(worker);
  }
  return response;
}

}  // namespace

void AddSystemMethods(MethodTable& table, Services& services) {
  const MethodRule read{.role = Role::kUser, .where = Where::kInline};
  const MethodRule operate{.role = Role::kOperator, .where = Where::kInline};
  table.Unary<v1::GetServerInfoRequest, v1::ServerInfo>(
      "/graphkiln.v1.SystemService/GetServerInfo", read,
      [&services](const CallPtr&, v1::GetServerInfoRequest&, const Reply<v1::ServerInfo>& reply) {
        v1::ServerInfo info;
        info.set_version(services.version);
        info.set_instance(services.instance);
        *info.mutable_start_time() = ToProto(services.start_time);
        info.set_max_graph_bytes(static_cast<int64_t>(kGraphLimit));
        info.set_max_artifact_bytes(services.artifacts->max_bytes());
        reply(info);
      });
  table.Unary<v1::ListWorkersRequest, v1::ListWorkersResponse>(
      "/graphkiln.v1.SystemService/ListWorkers", read,
      [&services](const CallPtr&, v1::ListWorkersRequest& request,
                  const Reply<v1::ListWorkersResponse>& reply) {
        reply(ListWorkers(services, request));
      });
  table.Unary<v1::GetWorkerRequest, v1::Worker>(
      "/graphkiln.v1.SystemService/GetWorker", read,
      [&services](const CallPtr&, v1::GetWorkerRequest& request, const Reply<v1::Worker>& reply) {
        reply(services.queue->GetWorker(request.name()));
      });
  table.Unary<v1::CordonWorkerRequest, v1::Worker>(
      "/graphkiln.v1.SystemService/CordonWorker", operate,
      [&services](const CallPtr&, v1::CordonWorkerRequest& request,
                  const Reply<v1::Worker>& reply) {
        services.queue->Cordon(request.name(), reply);
      });
  table.Unary<v1::UncordonWorkerRequest, v1::Worker>(
      "/graphkiln.v1.SystemService/UncordonWorker", operate,
      [&services](const CallPtr&, v1::UncordonWorkerRequest& request,
                  const Reply<v1::Worker>& reply) {
        services.queue->Uncordon(request.name(), reply);
      });
  table.Unary<v1::DrainWorkerRequest, v1::Worker>(
      "/graphkiln.v1.SystemService/DrainWorker", operate,
      [&services](const CallPtr&, v1::DrainWorkerRequest& request, const Reply<v1::Worker>& reply) {
        services.queue->Drain(request.name(), reply);
      });
}

}  // namespace graphkiln::coordinator
