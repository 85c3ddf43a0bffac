// NodeRegistryService: the palette.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/compiler/palette.h"
#include "common/nodes/registry.h"
#include "graphkiln/v1/node_registry_service.pb.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/rpc/paging.h"
#include "services/coordinator/rpc/services.h"

namespace graphkiln::coordinator {
namespace {

constexpr int64_t kDefaultNodePage = 100;

absl::StatusOr<v1::ListNodeTypesResponse> ListNodeTypes(Services& services,
                                                        const v1::ListNodeTypesRequest& request) {
  const PageTokens tokens(services.queue->sealer(), "ListNodeTypes/" + request.category());
  ASSIGN_OR_RETURN(const int64_t size, PageSize(request.page_size(), kDefaultNodePage));
  ASSIGN_OR_RETURN(const std::string after, tokens.After(request.page_token()));
  v1::ListNodeTypesResponse response;
  response.set_version(compiler::PaletteVersion());
  for (const compiler::PaletteEntry& entry : compiler::Palette()) {
    if (entry.name <= after) continue;
    if (!request.category().empty() && entry.category != request.category()) continue;
    if (response.node_types_size() == size) {
      response.set_next_page_token(
          tokens.Next(response.node_types(response.node_types_size() - 1).name()));
      break;
    }
    *response.add_node_types() = entry.Describe();
  }
  return response;
}

absl::StatusOr<v1::NodeType> GetNodeType(const v1::GetNodeTypeRequest& request) {
  if (auto type = compiler::DescribeType(request.name())) return *std::move(type);
  ErrorMetadata metadata;
  std::string message = "there is no node type " + QuoteForMessage(request.name());
  std::vector<std::string> names = nodes::NodeNames(request.name());
  for (const compiler::PaletteEntry& entry : compiler::Palette()) {
    if (entry.def == nullptr) names.push_back(entry.name);
  }
  if (const auto near = NearestName(request.name(), names); near.has_value()) {
    message += "; did you mean " + *near + "?";
    metadata["did_you_mean"] = *near;
  }
  return MakeError(absl::StatusCode::kNotFound, v1::ERROR_REASON_NOT_FOUND, message, metadata);
}

}  // namespace

void AddNodeRegistryMethods(MethodTable& table, Services& services) {
  // Describing a type types its example: microseconds each, but a page holds up to a thousand.
  const MethodRule rule{.role = Role::kUser, .where = Where::kExecutor};
  table.Unary<v1::ListNodeTypesRequest, v1::ListNodeTypesResponse>(
      "/graphkiln.v1.NodeRegistryService/ListNodeTypes", rule,
      [&services](const CallPtr&, v1::ListNodeTypesRequest& request,
                  const Reply<v1::ListNodeTypesResponse>& reply) {
        reply(ListNodeTypes(services, request));
      });
  table.Unary<v1::GetNodeTypeRequest, v1::NodeType>(
      "/graphkiln.v1.NodeRegistryService/GetNodeType", rule,
      [](const CallPtr&, v1::GetNodeTypeRequest& request, const Reply<v1::NodeType>& reply) {
        reply(GetNodeType(request));
      });
}

}  // namespace graphkiln::coordinator
