// kiln plan FILE: what becomes of each node or region by its compile mode.
#include "common/compiler/plan.h"

#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/graph_file.h"
#include "clients/cli/plan_export.h"
#include "common/formats/canvas/plan.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace graphkiln::cli {
namespace {

namespace canvas = formats::canvas;

class PlanGraph : public Command {
 public:
  std::string_view name() const override { return "plan"; }
  std::string_view summary() const override {
    return "Show what is frozen, constant and exported; write it out (local)";
  }
  void Declare(Arguments* arguments) override {
    arguments->Add("FILE", &file_, "The graph or canvas program; - is stdin").required = true;
    arguments
        ->Add("--export-dir", &target_.dir,
              "Folder for constants, exported regions and the program that is left")
        .value_name = "DIR";
    arguments
        ->Add("--weights", &target_.weights,
              "Weights to write and to compute constants from; else initial ones")
        .value_name = "PATH";
    arguments->Add("--seed", &target_.seed, "Seed of initial weights; default 0").value_name = "S";
    arguments->Add("--timeout", &timeout_, "Seconds for computing constants; default 600")
        .value_name = "SECONDS";
    flags_.Declare(arguments);
  }

  int Run(Context& context) override {
    if (timeout_ < 1) return context.Fail(kUsage, "USAGE", "--timeout must be 1 or more");
    if (target_.dir.empty() && !target_.weights.empty())
      return context.Fail(kUsage, "USAGE", "--weights goes with --export-dir");
    target_.timeout = absl::Seconds(timeout_);
    auto source = ReadGraphFile(file_, flags_);
    if (!source.ok()) return context.Fail(source.status());
    return source->canvas ? RunCanvas(context, *source) : RunGraph(context, *std::move(source));
  }

 private:
  int RunCanvas(Context& context, const GraphFile& source) {
    const canvas::Program& program = *source.canvas;
    const canvas::Plan plan = canvas::MakePlan(program);
    Json document = Lists(plan);
    const canvas::Program reduced = canvas::Reduced(program, plan);
    Json regions = Json::array();
    for (const auto& [name, spec] : reduced.regions) regions.push_back(name);
    document["reduced_schema"] = {{"regions", std::move(regions)},
                                  {"topology_connections", nullptr},
                                  {"same_as_source", plan.eliminated == 0}};
    if (reduced.topology)
      document["reduced_schema"]["topology_connections"] = reduced.topology->size();
    return Finish(context, std::move(document), source.diagnostics,
                  [&] { return ExportPlan(program, plan, target_); });
  }

  int RunGraph(Context& context, GraphFile source) {
    CompiledFile compiled = CompileGraph(std::move(source));
    if (!compiled.ok) return context.FailInvalid(compiled.diagnostics);
    auto plan = compiler::MakePlan(compiled.source.graph, compiled.result);
    if (!plan.ok()) return context.Fail(plan.status());
    for (v1::Diagnostic& diagnostic : plan->diagnostics) {
      compiled.source.positions.Locate(diagnostic);
      compiled.diagnostics.push_back(std::move(diagnostic));
    }
    Json document = Lists(*plan);
    document["dead"] = plan->dead;
    document["constants"] = plan->folded_keys;
    return Finish(context, std::move(document), compiled.diagnostics, [&] {
      return ExportPlan(compiled.source.graph, compiled.result, *plan, target_);
    });
  }

  template <class AnyPlan>
  static Json Lists(const AnyPlan& plan) {
    Json connections = Json::array();
    for (const auto& [src, dst] : plan.connections) connections.push_back({src, dst});
    return {{"frozen", plan.frozen},         {"constant", plan.constant},
            {"exported", plan.exported},     {"runtime", plan.runtime},
            {"active_regions", plan.active}, {"active_connections", std::move(connections)},
            {"eliminated", plan.eliminated}};
  }

  template <class Export>
  int Finish(Context& context, Json document, std::vector<v1::Diagnostic> diagnostics,
             Export&& write) {
    if (!target_.dir.empty()) {
      auto exported = write();
      if (!exported.ok()) return context.Fail(exported.status());
      document["files"] = exported->files;
      for (v1::Diagnostic& d : exported->diagnostics) diagnostics.push_back(std::move(d));
    }
    context.ShowDiagnostics(diagnostics);
    if (context.format() != Format::kText) {
      document["diagnostics"] = DiagnosticsJson(diagnostics);
      context.PrintDocument(document);
      return kOk;
    }
    for (const auto& [label, key] :
         {std::pair<std::string_view, const char*>{"active", "active_regions"},
          {"frozen", "frozen"},
          {"constant", "constant"},
          {"exported", "exported"},
          {"dead", "dead"}}) {
      if (!document.contains(key) || document[key].empty()) continue;
      const auto names = document[key].template get<std::vector<std::string>>();
      context.Print(fmt::format("{:<12}{}\n", label, fmt::join(names, ", ")));
    }
    context.Print(
        fmt::format("{:<12}{}\n", "eliminated", document["eliminated"].template get<size_t>()));
    if (document.contains("files")) {
      for (const Json& file : document["files"])
        context.Print(file.template get<std::string>() + "\n");
    }
    return kOk;
  }

  std::string file_;
  PlanTarget target_;
  int timeout_ = 600;
  GraphFlags flags_;
};

}  // namespace

void AddPlan(CommandList* commands) { commands->push_back(std::make_unique<PlanGraph>()); }

}  // namespace graphkiln::cli
