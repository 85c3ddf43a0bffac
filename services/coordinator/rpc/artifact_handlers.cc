// ArtifactService: content-addressed files.
#include <utility>

#include "common/base/status.h"
#include "graphkiln/v1/artifact_service.pb.h"
#include "services/coordinator/rpc/artifact_streams.h"
#include "services/coordinator/rpc/paging.h"
#include "services/coordinator/rpc/services.h"

namespace graphkiln::coordinator {
namespace {

absl::StatusOr<v1::Artifact> GetArtifact(Services& services,
                                         const v1::GetArtifactRequest& request) {
  ASSIGN_OR_RETURN(const std::string sha256, ResolveArtifact(services, request.name()));
  ASSIGN_OR_RETURN(const ArtifactInfo info, services.artifacts->Stat(sha256));
  return ToProto(info);
}

absl::StatusOr<v1::ListArtifactsResponse> ListArtifacts(Services& services,
                                                        const v1::ListArtifactsRequest& request) {
  const PageTokens tokens(services.queue->sealer(), "ListArtifacts");
  ASSIGN_OR_RETURN(const int64_t size, PageSize(request.page_size()));
  ASSIGN_OR_RETURN(const std::string after, tokens.After(request.page_token()));
  ASSIGN_OR_RETURN(const ArtifactPage page,
                   services.artifacts->List(after, static_cast<size_t>(size)));
  v1::ListArtifactsResponse response;
  for (const ArtifactInfo& info : page.items) *response.add_artifacts() = ToProto(info);
  response.set_next_page_token(tokens.Next(page.next_after));
  return response;
}

}  // namespace

void AddArtifactMethods(MethodTable& table, Services& services) {
  const MethodRule blocking{.role = Role::kUserOrWorker, .where = Where::kExecutor};
  table.Streaming<v1::UploadArtifactRequest, v1::Artifact>(
      "/graphkiln.v1.ArtifactService/UploadArtifact", {.role = Role::kUserOrWorker},
      [&services](const CallPtr&, const std::shared_ptr<StreamSink>& sink) {
        return std::make_shared<UploadStream>(services, sink);
      });
  table.Streaming<v1::DownloadArtifactRequest, v1::DownloadArtifactResponse>(
      "/graphkiln.v1.ArtifactService/DownloadArtifact", {.role = Role::kUserOrWorker},
      [&services](const CallPtr&, const std::shared_ptr<StreamSink>& sink) {
        return std::make_shared<DownloadStream>(services, sink);
      });
  table.Unary<v1::GetArtifactRequest, v1::Artifact>(
      "/graphkiln.v1.ArtifactService/GetArtifact", blocking,
      [&services](const CallPtr&, v1::GetArtifactRequest& request,
                  const Reply<v1::Artifact>& reply) { reply(GetArtifact(services, request)); });
  table.Unary<v1::ListArtifactsRequest, v1::ListArtifactsResponse>(
      "/graphkiln.v1.ArtifactService/ListArtifacts", blocking,
      [&services](const CallPtr&, v1::ListArtifactsRequest& request,
                  const Reply<v1::ListArtifactsResponse>& reply) {
        reply(ListArtifacts(services, request));
      });
}

}  // namespace graphkiln::coordinator
