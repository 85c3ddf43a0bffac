#include "services/coordinator/rpc/regroup_handlers.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/compiler/compile.h"
#include "common/compiler/regroup.h"
#include "common/graph/merge.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/rpc/error_details.h"

namespace graphkiln::coordinator {
namespace {

// Each is two compilations of the graph.
constexpr int kMostUnpacked = 100;

absl::Status CheckValid(const v1::Graph& graph) {
  compiler::CompileOptions options;
  options.lint = false;
  const compiler::CompileResult compiled = compiler::Compile(graph, options);
  if (compiled.ok) return absl::OkStatus();
  return DiagnosticsError(v1::ERROR_REASON_GRAPH_INVALID, "graph", compiled.diagnostics);
}

// What the compiler refuses is the caller's mistake.
absl::StatusOr<v1::RegroupGraphResponse> Answer(absl::StatusOr<compiler::Regrouped> regrouped) {
  if (!regrouped.ok()) {
    const absl::Status& status = regrouped.status();
    if (absl::IsNotFound(status)) {
      return MakeError(absl::StatusCode::kNotFound, v1::ERROR_REASON_NOT_FOUND, MessageOf(status));
    }
    if (absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status))
      return FieldError("nodes", MessageOf(status));
    return status;
  }
  v1::RegroupGraphResponse response;
  *response.mutable_graph() = std::move(regrouped->graph);
  for (auto& [from, to] : regrouped->keys) {
    v1::NameChange& key = *response.add_keys();
    key.set_from(std::move(from));
    key.set_to(std::move(to));
  }
  for (std::string& note : regrouped->notes) response.add_notes(std::move(note));
  return response;
}

absl::StatusOr<v1::RegroupGraphResponse> Unpack(const v1::UnpackGraphRequest& request) {
  if (request.nodes_size() < 1 || request.nodes_size() > kMostUnpacked)
    return FieldError("nodes", fmt::format("must name 1 to {} nodes", kMostUnpacked));
  RETURN_IF_ERROR(CheckValid(request.graph()));
  return Answer(compiler::Unpack(
      request.graph(), std::vector<std::string>(request.nodes().begin(), request.nodes().end())));
}

absl::StatusOr<v1::RegroupGraphResponse> Collapse(const v1::CollapseGraphRequest& request) {
  if (request.nodes_size() < 1) return FieldError("nodes", "must name at least one node");
  if (request.type().empty()) return FieldError("type", "is missing");
  RETURN_IF_ERROR(CheckValid(request.graph()));
  return Answer(compiler::Collapse(
      request.graph(), {{request.nodes().begin(), request.nodes().end()},
                        request.type(),
                        request.id().empty() ? ToLowerAscii(request.type()) : request.id()}));
}

absl::StatusOr<v1::MergeGraphsResponse> Merge(const v1::MergeGraphsRequest& request) {
  const bool theirs = request.prefer() == v1::MergeGraphsRequest::SIDE_THEIRS;
  absl::StatusOr<graph::Merged> merged =
      graph::Merge(request.base(), request.ours(), request.theirs(),
                   theirs ? graph::Side::kTheirs : graph::Side::kOurs);
  if (!merged.ok()) return FieldError("theirs", MessageOf(merged.status()));
  v1::MergeGraphsResponse response;
  *response.mutable_graph() = std::move(merged->graph);
  for (graph::MergeConflict& conflict : merged->conflicts) {
    v1::MergeConflict& out = *response.add_conflicts();
    out.set_node(std::move(conflict.node));
    out.set_field(std::move(conflict.field));
    out.set_reason(std::move(conflict.reason));
    out.set_base(std::move(conflict.base));
    out.set_ours(std::move(conflict.ours));
    out.set_theirs(std::move(conflict.theirs));
  }
  return response;
}

}  // namespace

void AddRegroupMethods(MethodTable& table, const MethodRule& rule) {
  table.Unary<v1::UnpackGraphRequest, v1::RegroupGraphResponse>(
      "/graphkiln.v1.CompileService/UnpackGraph", rule,
      [](const CallPtr&, v1::UnpackGraphRequest& request,
         const Reply<v1::RegroupGraphResponse>& reply) { reply(Unpack(request)); });
  table.Unary<v1::CollapseGraphRequest, v1::RegroupGraphResponse>(
      "/graphkiln.v1.CompileService/CollapseGraph", rule,
      [](const CallPtr&, v1::CollapseGraphRequest& request,
         const Reply<v1::RegroupGraphResponse>& reply) { reply(Collapse(request)); });
  table.Unary<v1::MergeGraphsRequest, v1::MergeGraphsResponse>(
      "/graphkiln.v1.CompileService/MergeGraphs", rule,
      [](const CallPtr&, v1::MergeGraphsRequest& request,
         const Reply<v1::MergeGraphsResponse>& reply) { reply(Merge(request)); });
}

}  // namespace graphkiln::coordinator
