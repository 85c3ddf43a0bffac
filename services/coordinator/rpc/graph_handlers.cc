// GraphService: saved graphs. Reads and hashing run on the executor, writes answer after the
// commit.
#include <fmt/format.h>

#include <utility>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/graph/canonical.h"
#include "google/protobuf/empty.pb.h"
#include "graphkiln/v1/graph_service.pb.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/names.h"
#include "services/coordinator/core/time_proto.h"
#include "services/coordinator/rpc/create_once.h"
#include "services/coordinator/rpc/labels.h"
#include "services/coordinator/rpc/paging.h"
#include "services/coordinator/rpc/services.h"

namespace graphkiln::coordinator {
namespace {

using google::protobuf::Empty;

constexpr int kUpdateTries = 5;

absl::StatusOr<std::string> CanonicalGraphName(std::string_view name) {
  ASSIGN_OR_RETURN(const ResourceName parsed, ParseResourceName("graphs", name));
  return FormatResourceName(parsed.project, "graphs", parsed.id);
}

void Touch(Services& services, v1::SavedGraph& graph) {
  *graph.mutable_update_time() = ToProto(services.clock->Now());
  graph.set_etag(NewUid(*services.random).substr(0, 16));
}

void CreateGraph(Services& services, const CallPtr& call, v1::CreateGraphRequest& request,
                 const Reply<v1::SavedGraph>& reply) {
  const auto created = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::string project, ParseParent(request.parent()));
    if (!request.graph().has_graph()) return FieldError("graph.graph", "is missing");
    RETURN_IF_ERROR(CheckLabels("graph.labels", request.graph().labels()));
    ASSIGN_OR_RETURN(CreateOnce once,
                     MakeCreateOnce("CreateGraph", project, request, request.request_id()));
    ASSIGN_OR_RETURN(const std::string earlier, FindCreated(services, once));
    if (!earlier.empty()) {
      reply(services.store->ReadGraph(earlier));
      return absl::OkStatus();
    }
    const std::string uid = NewUid(*services.random);
    ASSIGN_OR_RETURN(const std::string id, ChooseId("graph_id", request.graph_id(), "graph", uid));
    auto saved = std::make_shared<v1::SavedGraph>();
    saved->set_name(FormatResourceName(project, "graphs", id));
    saved->set_uid(uid);
    saved->set_owner(call->principal.name);
    saved->mutable_graph()->Swap(request.mutable_graph()->mutable_graph());
    *saved->mutable_labels() = request.graph().labels();
    saved->set_graph_hash(graph::ContentHash(saved->graph()));
    *saved->mutable_create_time() = ToProto(services.clock->Now());
    Touch(services, *saved);
    PutGraph put;
    put.graph = *saved;
    CommitOnce(services, std::move(once), saved->name(), std::move(put),
               [&services, saved, reply](const absl::StatusOr<std::string>& name) {
                 if (!name.ok()) return reply(name.status());
                 if (*name == saved->name()) return reply(*saved);
                 reply(services.store->ReadGraph(*name));  // on the executor
               });
    return absl::OkStatus();
  }();
  if (!created.ok()) reply(created);
}

absl::StatusOr<v1::ListGraphsResponse> ListGraphs(Services& services,
                                                  const v1::ListGraphsRequest& request) {
  ASSIGN_OR_RETURN(const std::string project, ParseParent(request.parent()));
  const PageTokens tokens(services.queue->sealer(), "ListGraphs/" + project);
  ASSIGN_OR_RETURN(const int64_t size, PageSize(request.page_size()));
  ASSIGN_OR_RETURN(const std::string after, tokens.After(request.page_token()));
  ASSIGN_OR_RETURN(NamedPage<v1::SavedGraph> page,
                   services.store->ListGraphs(project, after, size));
  v1::ListGraphsResponse response;
  for (v1::SavedGraph& graph : page.items) *response.add_graphs() = std::move(graph);
  response.set_next_page_token(tokens.Next(page.next_after));
  return response;
}

// What an update may change.
struct UpdateMask {
  bool graph = false;
  bool labels = false;
};
absl::StatusOr<UpdateMask> ReadMask(const google::protobuf::FieldMask& mask) {
  if (mask.paths_size() == 0) return UpdateMask{true, true};
  UpdateMask result;
  for (const std::string& path : mask.paths()) {
    if (path == "graph") {
      result.graph = true;
    } else if (path == "labels") {
      result.labels = true;
    } else {
      return FieldError("update_mask",
                        fmt::format("{} is not `graph` or `labels`", QuoteForMessage(path)));
    }
  }
  return result;
}

// Reads, changes and writes back; where the caller gave no etag, a lost race is run again.
void UpdateGraph(Services& services, std::shared_ptr<const v1::UpdateGraphRequest> request,
                 int tries, const Reply<v1::SavedGraph>& reply) {
  const auto started = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::string name, CanonicalGraphName(request->graph().name()));
    ASSIGN_OR_RETURN(const UpdateMask mask, ReadMask(request->update_mask()));
    if (mask.graph && !request->graph().has_graph()) return FieldError("graph.graph", "is missing");
    RETURN_IF_ERROR(CheckLabels("graph.labels", request->graph().labels()));
    ASSIGN_OR_RETURN(v1::SavedGraph stored, services.store->ReadGraph(name));
    PutGraph put;
    put.when = PutGraph::When::kPresent;
    put.etag = request->graph().etag().empty() ? stored.etag() : request->graph().etag();
    auto saved = std::make_shared<v1::SavedGraph>(std::move(stored));
    if (mask.graph) {
      *saved->mutable_graph() = request->graph().graph();
      saved->set_graph_hash(graph::ContentHash(saved->graph()));
    }
    if (mask.labels) *saved->mutable_labels() = request->graph().labels();
    Touch(services, *saved);
    put.graph = *saved;
    CommitBatch batch;
    batch.refusable = true;
    batch.mutations.emplace_back(std::move(put));
    batch.done = [&services, request, tries, saved, reply](const absl::Status& status) {
      if (status.ok()) return reply(*saved);
      const bool race = ReasonOf(status) == v1::ERROR_REASON_ETAG_MISMATCH;
      if (!race || !request->graph().etag().empty() || tries == 0) return reply(status);
      services.executor->Post(
          [&services, request, tries, reply] { UpdateGraph(services, request, tries - 1, reply); });
    };
    services.store->Commit(std::move(batch));
    return absl::OkStatus();
  }();
  if (!started.ok()) reply(started);
}

void Delete(Services& services, const v1::DeleteGraphRequest& request, const Reply<Empty>& reply) {
  const auto name = CanonicalGraphName(request.name());
  if (!name.ok()) return reply(name.status());
  CommitBatch batch;
  batch.refusable = true;
  batch.mutations.emplace_back(DeleteGraph{*name, request.etag()});
  batch.done = [reply](const absl::Status& status) {
    if (!status.ok()) return reply(status);
    reply(Empty());
  };
  services.store->Commit(std::move(batch));
}

}  // namespace

void AddGraphMethods(MethodTable& table, Services& services) {
  const MethodRule read{.role = Role::kUser, .where = Where::kExecutor};
  const MethodRule write{
      .role = Role::kUser, .where = Where::kExecutor, .max_request_bytes = kGraphLimit};
  table.Unary<v1::CreateGraphRequest, v1::SavedGraph>(
      "/graphkiln.v1.GraphService/CreateGraph", write,
      [&services](const CallPtr& call, v1::CreateGraphRequest& request,
                  const Reply<v1::SavedGraph>& reply) {
        CreateGraph(services, call, request, reply);
      });
  table.Unary<v1::GetGraphRequest, v1::SavedGraph>(
      "/graphkiln.v1.GraphService/GetGraph", read,
      [&services](const CallPtr&, v1::GetGraphRequest& request,
                  const Reply<v1::SavedGraph>& reply) {
        const auto name = CanonicalGraphName(request.name());
        if (!name.ok()) return reply(name.status());
        reply(services.store->ReadGraph(*name));
      });
  table.Unary<v1::ListGraphsRequest, v1::ListGraphsResponse>(
      "/graphkiln.v1.GraphService/ListGraphs", read,
      [&services](const CallPtr&, v1::ListGraphsRequest& request,
                  const Reply<v1::ListGraphsResponse>& reply) {
        reply(ListGraphs(services, request));
      });
  table.Unary<v1::UpdateGraphRequest, v1::SavedGraph>(
      "/graphkiln.v1.GraphService/UpdateGraph", write,
      [&services](const CallPtr&, v1::UpdateGraphRequest& request,
                  const Reply<v1::SavedGraph>& reply) {
        UpdateGraph(services, std::make_shared<v1::UpdateGraphRequest>(std::move(request)),
                    kUpdateTries, reply);
      });
  table.Unary<v1::DeleteGraphRequest, Empty>(
      "/graphkiln.v1.GraphService/DeleteGraph", {.role = Role::kUser, .where = Where::kInline},
      [&services](const CallPtr&, v1::DeleteGraphRequest& request, const Reply<Empty>& reply) {
        Delete(services, request, reply);
      });
}

}  // namespace graphkiln::coordinator
