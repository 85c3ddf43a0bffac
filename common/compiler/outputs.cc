#include "common/compiler/outputs.h"

#include "common/base/strings.h"
#include "common/compiler/inactive.h"
#include "fmt/format.h"

namespace graphkiln::compiler {

GraphOutputs TypeOutputs(const Values::Scope& scope, Values& values, Report& report) {
  GraphOutputs outputs;
  GraphOutputs muted;
  for (const auto& [name, arg] : scope.graph.outputs) {
    Tree tree = values.Of(scope, arg);
    if (values.TooLarge(tree)) {
      report.Error("LIMIT", Values::kLimit).set_path("outputs." + name);
      tree = Tree();
    } else if (const Tree* gap = FindGap(tree); gap != nullptr) {
      if (gap->kind == Tree::Kind::kMuted) {
        muted.emplace_back(name, *gap);
        continue;
      }
      ReportWithheld(*gap, name, scope.graph, report);
      tree = Tree();
    }
    outputs.emplace_back(name, std::move(tree));
  }
  for (const auto& [name, gap] : muted) ReportMuted(gap, name, !outputs.empty(), report);
  return outputs;
}

v1::OutputForm FormOf(const v1::Graph& graph) {
  if (graph.output_form() != v1::OUTPUT_FORM_UNSPECIFIED) return graph.output_form();
  return graph.outputs_size() != 1 ? v1::OUTPUT_FORM_DICT : v1::OUTPUT_FORM_SINGLE;
}

std::vector<ir::Output> CheckOutputs(const v1::Graph& graph, const GraphOutputs& outputs,
                                     Report& report) {
  const bool several = graph.outputs_size() != 1;
  if (FormOf(graph) == v1::OUTPUT_FORM_SINGLE && several && !outputs.empty()) {
    report.Error("ARITY", "a graph with several outputs returns a tuple or a dict")
        .set_path("outputs");
  }
  std::vector<ir::Output> tensors;
  for (const auto& [name, tree] : outputs) {
    bool any = false;
    // The parts of an only output are named by position or key alone.
    VisitTensors(tree, "", [&](const std::string& path, ir::ValueId id) {
      any = true;
      const std::string full = path.empty() ? name : several ? name + "." + path : path;
      tensors.push_back({full, id});
    });
    if (any || !IsKnown(tree)) continue;
    report.Error("ARGUMENT_TYPE", fmt::format("output {} holds no tensor", QuoteForMessage(name)))
        .set_path("outputs." + name);
  }
  return tensors;
}

}  // namespace graphkiln::compiler
