// CompileService: answers about a graph that travels with the request, or that an editing session
// holds. All of it runs on the executor.
#include <utility>

#include "common/base/status.h"
#include "common/compiler/compile.h"
#include "common/compiler/plan.h"
#include "common/compiler/repair.h"
#include "common/emit/emit.h"
#include "common/estimate/summary.h"
#include "common/graph/canonical.h"
#include "common/graph/diff.h"
#include "common/jobs/registry.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/rpc/error_details.h"
#include "services/coordinator/rpc/regroup_handlers.h"
#include "services/coordinator/rpc/services.h"

namespace graphkiln::coordinator {
namespace {

// Compiles and counts the time.
compiler::CompileResult TimedCompile(Services& services, const v1::Graph& graph) {
  const absl::Duration start = services.clock->Monotonic();
  compiler::CompileResult result = compiler::Compile(graph);
  services.metrics->GraphValidated(absl::ToDoubleSeconds(services.clock->Monotonic() - start));
  return result;
}

absl::StatusOr<compiler::CompileResult> CompileValid(Services& services, const v1::Graph& graph) {
  compiler::CompileResult result = TimedCompile(services, graph);
  if (result.ok) return result;
  return DiagnosticsError(v1::ERROR_REASON_GRAPH_INVALID, "graph", result.diagnostics);
}

v1::ValidateResponse Validate(Services& services, const v1::ValidateRequest& request) {
  compiler::CompileResult result = TimedCompile(services, request.graph());
  v1::ValidateResponse response;
  response.set_valid(result.ok);
  for (v1::Diagnostic& diagnostic : result.diagnostics) {
    *response.add_diagnostics() = std::move(diagnostic);
  }
  for (const compiler::NodeTypes& node : result.nodes)
    *response.add_nodes() = compiler::ToProto(node);
  response.set_graph_hash(graph::ContentHash(request.graph()));
  return response;
}

v1::FixGraphResponse FixGraph(v1::FixGraphRequest& request) {
  compiler::Repair repair = compiler::RepairGraph(request.graph());
  v1::FixGraphResponse response;
  *response.mutable_graph() = std::move(repair.graph);
  for (v1::Diagnostic& diagnostic : repair.applied) *response.add_applied() = std::move(diagnostic);
  for (v1::Diagnostic& diagnostic : repair.result.diagnostics)
    *response.add_diagnostics() = std::move(diagnostic);
  return response;
}

absl::StatusOr<v1::SummarizeResponse> Summarize(Services& services,
                                                const v1::SummarizeRequest& request) {
  for (const auto& [symbol, size] : request.symbols()) {
    if (size < 0) return FieldError("symbols." + symbol, "must not be negative");
  }
  estimate::SummaryOptions options;
  options.symbols = {request.symbols().begin(), request.symbols().end()};
  if (request.has_optimizer()) {
    const auto moments = jobs::OptimizerMoments(request.optimizer());
    if (!moments) return FieldError("optimizer", "names no optimizer, or has a wrong parameter");
    options.moments = *moments;
  }
  options.numbers = request.numbers();
  options.depth = request.depth();
  options.optimizers = jobs::OptimizerKinds();
  ASSIGN_OR_RETURN(const compiler::CompileResult compiled, CompileValid(services, request.graph()));
  auto summary = estimate::Summarize(compiled, options);
  if (!summary.ok()) return FieldError("numbers", std::string(summary.status().message()));
  return summary;
}

absl::StatusOr<v1::GenerateCodeResponse> GenerateCode(Services& services,
                                                      const v1::GenerateCodeRequest& request) {
  ASSIGN_OR_RETURN(const compiler::CompileResult compiled, CompileValid(services, request.graph()));
  const absl::Duration start = services.clock->Monotonic();
  ASSIGN_OR_RETURN(std::vector<v1::GeneratedFile> files,
                   emit::Generate(request.graph(), compiled, request.target()));
  services.metrics->CodeGenerated(request.target(),
                                  absl::ToDoubleSeconds(services.clock->Monotonic() - start));
  v1::GenerateCodeResponse response;
  for (v1::GeneratedFile& file : files) *response.add_files() = std::move(file);
  return response;
}

absl::StatusOr<v1::CompileToIrResponse> CompileToIr(Services& services,
                                                    const v1::CompileToIrRequest& request) {
  ASSIGN_OR_RETURN(const compiler::CompileResult compiled, CompileValid(services, request.graph()));
  v1::CompileToIrResponse response;
  *response.mutable_ir() = ir::ToProto(*compiled.module);
  return response;
}

absl::StatusOr<v1::PlanGraphResponse> PlanGraph(Services& services,
                                                const v1::PlanGraphRequest& request) {
  ASSIGN_OR_RETURN(const compiler::CompileResult compiled, CompileValid(services, request.graph()));
  ASSIGN_OR_RETURN(const compiler::Plan plan, compiler::MakePlan(request.graph(), compiled));
  v1::PlanGraphResponse response;
  response.mutable_frozen()->Add(plan.frozen.begin(), plan.frozen.end());
  response.mutable_constant()->Add(plan.constant.begin(), plan.constant.end());
  response.mutable_exported()->Add(plan.exported.begin(), plan.exported.end());
  response.mutable_runtime()->Add(plan.runtime.begin(), plan.runtime.end());
  response.mutable_active_regions()->Add(plan.active.begin(), plan.active.end());
  for (const auto& [from, to] : plan.connections) {
    v1::PlannedConnection& connection = *response.add_active_connections();
    connection.set_from(from);
    connection.set_to(to);
  }
  response.set_eliminated(static_cast<int64_t>(plan.eliminated));
  response.mutable_dead()->Add(plan.dead.begin(), plan.dead.end());
  response.mutable_constants()->Add(plan.folded_keys.begin(), plan.folded_keys.end());
  response.mutable_diagnostics()->Add(plan.diagnostics.begin(), plan.diagnostics.end());
  return response;
}

}  // namespace

void AddCompileMethods(MethodTable& table, Services& services) {
  const MethodRule rule{
      .role = Role::kUser, .where = Where::kExecutor, .max_request_bytes = kGraphLimit};
  table.Unary<v1::ValidateRequest, v1::ValidateResponse>(
      "/graphkiln.v1.CompileService/Validate", rule,
      [&services](const CallPtr&, v1::ValidateRequest& request,
                  const Reply<v1::ValidateResponse>& reply) {
        reply(Validate(services, request));
      });
  table.Unary<v1::EditGraphRequest, v1::EditGraphResponse>(
      "/graphkiln.v1.CompileService/EditGraph", rule,
      [&services](const CallPtr& call, v1::EditGraphRequest& request,
                  const Reply<v1::EditGraphResponse>& reply) {
        const absl::Duration start = services.clock->Monotonic();
        const auto response = services.sessions->Edit(call->principal.name, request);
        if (response.ok())
          services.metrics->GraphValidated(
              absl::ToDoubleSeconds(services.clock->Monotonic() - start));
        reply(response);
      });
  table.Unary<v1::FixGraphRequest, v1::FixGraphResponse>(
      "/graphkiln.v1.CompileService/FixGraph", rule,
      [](const CallPtr&, v1::FixGraphRequest& request, const Reply<v1::FixGraphResponse>& reply) {
        reply(FixGraph(request));
      });
  table.Unary<v1::SummarizeRequest, v1::SummarizeResponse>(
      "/graphkiln.v1.CompileService/Summarize", rule,
      [&services](const CallPtr&, v1::SummarizeRequest& request,
                  const Reply<v1::SummarizeResponse>& reply) {
        reply(Summarize(services, request));
      });
  table.Unary<v1::GenerateCodeRequest, v1::GenerateCodeResponse>(
      "/graphkiln.v1.CompileService/GenerateCode", rule,
      [&services](const CallPtr&, v1::GenerateCodeRequest& request,
                  const Reply<v1::GenerateCodeResponse>& reply) {
        reply(GenerateCode(services, request));
      });
  table.Unary<v1::CompileToIrRequest, v1::CompileToIrResponse>(
      "/graphkiln.v1.CompileService/CompileToIr", rule,
      [&services](const CallPtr&, v1::CompileToIrRequest& request,
                  const Reply<v1::CompileToIrResponse>& reply) {
        reply(CompileToIr(services, request));
      });
  table.Unary<v1::DiffGraphsRequest, v1::DiffGraphsResponse>(
      "/graphkiln.v1.CompileService/DiffGraphs", rule,
      [](const CallPtr&, v1::DiffGraphsRequest& request,
         const Reply<v1::DiffGraphsResponse>& reply) {
        reply(graph::Diff(request.left(), request.right()));
      });
  table.Unary<v1::PlanGraphRequest, v1::PlanGraphResponse>(
      "/graphkiln.v1.CompileService/PlanGraph", rule,
      [&services](const CallPtr&, v1::PlanGraphRequest& request,
                  const Reply<v1::PlanGraphResponse>& reply) {
        reply(PlanGraph(services, request));
      });
  for (const char* method : {"ConvertGraph", "VerifyGraph"}) {
    table.Unsupported(std::string("/graphkiln.v1.CompileService/") + method, Role::kUser);
  }
  AddRegroupMethods(table, rule);
}

}  // namespace graphkiln::coordinator
