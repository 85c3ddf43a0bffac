// DatasetService: names for uploaded data.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "google/protobuf/empty.pb.h"
#include "graphkiln/v1/dataset_service.pb.h"
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

constexpr std::array<std::string_view, 6> kFormats = {"csv",         "npy", "npz",
                                                      "safetensors", "idx", "images"};

absl::StatusOr<std::string> CanonicalDatasetName(std::string_view name) {
  ASSIGN_OR_RETURN(const ResourceName parsed, ParseResourceName("datasets", name));
  return FormatResourceName(parsed.project, "datasets", parsed.id);
}

void CreateDataset(Services& services, const CallPtr& call, v1::CreateDatasetRequest& request,
                   const Reply<v1::Dataset>& reply) {
  const auto started = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::string project, ParseParent(request.parent()));
    const v1::Dataset& asked = request.dataset();
    if (std::find(kFormats.begin(), kFormats.end(), asked.format()) == kFormats.end()) {
      return FieldError("dataset.format",
                        fmt::format("{} is not csv, npy, npz, safetensors, idx or images",
                                    QuoteForMessage(asked.format())));
    }
    RETURN_IF_ERROR(CheckLabels("dataset.labels", asked.labels()));
    ASSIGN_OR_RETURN(CreateOnce once,
                     MakeCreateOnce("CreateDataset", project, request, request.request_id()));
    ASSIGN_OR_RETURN(const std::string earlier, FindCreated(services, once));
    if (!earlier.empty()) {
      reply(services.store->ReadDataset(earlier));
      return absl::OkStatus();
    }
    auto pin = services.artifacts->Pin(asked.artifact());
    ASSIGN_OR_RETURN(const ArtifactInfo artifact, services.artifacts->Stat(asked.artifact()));
    const std::string uid = NewUid(*services.random);
    ASSIGN_OR_RETURN(const std::string id,
                     ChooseId("dataset_id", request.dataset_id(), "dataset", uid));
    auto dataset = std::make_shared<v1::Dataset>();
    dataset->set_name(FormatResourceName(project, "datasets", id));
    dataset->set_uid(uid);
    dataset->set_owner(call->principal.name);
    dataset->set_format(asked.format());
    dataset->set_artifact(artifact.sha256);
    dataset->set_bytes(artifact.bytes);
    *dataset->mutable_create_time() = ToProto(services.clock->Now());
    *dataset->mutable_labels() = asked.labels();
    CommitOnce(services, std::move(once), dataset->name(), PutDataset{*dataset},
               [&services, dataset, reply, pin](const absl::StatusOr<std::string>& name) {
                 if (!name.ok()) return reply(name.status());
                 if (*name == dataset->name()) return reply(*dataset);
                 reply(services.store->ReadDataset(*name));  // on the executor
               });
    return absl::OkStatus();
  }();
  if (!started.ok()) reply(started);
}

absl::StatusOr<v1::ListDatasetsResponse> ListDatasets(Services& services,
                                                      const v1::ListDatasetsRequest& request) {
  ASSIGN_OR_RETURN(const std::string project, ParseParent(request.parent()));
  const PageTokens tokens(services.queue->sealer(), "ListDatasets/" + project);
  ASSIGN_OR_RETURN(const int64_t size, PageSize(request.page_size()));
  ASSIGN_OR_RETURN(const std::string after, tokens.After(request.page_token()));
  ASSIGN_OR_RETURN(NamedPage<v1::Dataset> page, services.store->ListDatasets(project, after, size));
  v1::ListDatasetsResponse response;
  for (v1::Dataset& dataset : page.items) *response.add_datasets() = std::move(dataset);
  response.set_next_page_token(tokens.Next(page.next_after));
  return response;
}

void Delete(Services& services, const v1::DeleteDatasetRequest& request,
            const Reply<Empty>& reply) {
  const auto name = CanonicalDatasetName(request.name());
  if (!name.ok()) return reply(name.status());
  CommitBatch batch;
  batch.refusable = true;
  batch.mutations.emplace_back(DeleteDataset{*name});
  batch.done = [reply](const absl::Status& status) {
    if (!status.ok()) return reply(status);
    reply(Empty());
  };
  services.store->Commit(std::move(batch));
}

}  // namespace

void AddDatasetMethods(MethodTable& table, Services& services) {
  const MethodRule blocking{.role = Role::kUser, .where = Where::kExecutor};
  table.Unary<v1::CreateDatasetRequest, v1::Dataset>(
      "/graphkiln.v1.DatasetService/CreateDataset", blocking,
      [&services](const CallPtr& call, v1::CreateDatasetRequest& request,
                  const Reply<v1::Dataset>& reply) {
        CreateDataset(services, call, request, reply);
      });
  table.Unary<v1::GetDatasetRequest, v1::Dataset>(
      "/graphkiln.v1.DatasetService/GetDataset", blocking,
      [&services](const CallPtr&, v1::GetDatasetRequest& request, const Reply<v1::Dataset>& reply) {
        const auto name = CanonicalDatasetName(request.name());
        if (!name.ok()) return reply(name.status());
        reply(services.store->ReadDataset(*name));
      });
  table.Unary<v1::ListDatasetsRequest, v1::ListDatasetsResponse>(
      "/graphkiln.v1.DatasetService/ListDatasets", blocking,
      [&services](const CallPtr&, v1::ListDatasetsRequest& request,
                  const Reply<v1::ListDatasetsResponse>& reply) {
        reply(ListDatasets(services, request));
      });
  table.Unary<v1::DeleteDatasetRequest, Empty>(
      "/graphkiln.v1.DatasetService/DeleteDataset", {.role = Role::kUser, .where = Where::kInline},
      [&services](const CallPtr&, v1::DeleteDatasetRequest& request, const Reply<Empty>& reply) {
        Delete(services, request, reply);
      });
  table.Unsupported("/graphkiln.v1.DatasetService/PreviewDataset", Role::kUser);
}

}  // namespace graphkiln::coordinator
