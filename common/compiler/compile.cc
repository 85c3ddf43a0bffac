#include "common/compiler/compile.h"

#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/compiler/composite.h"
#include "common/compiler/fixes/offer.h"
#include "common/compiler/graph_scope.h"
#include "common/compiler/lint.h"
#include "common/compiler/normalise.h"
#include "common/compiler/outputs.h"
#include "common/compiler/passes.h"
#include "common/compiler/report.h"
#include "common/compiler/type_pass.h"
#include "common/graph/limits.h"
#include "common/ir/verify.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// All that must outlive the instances.
struct Kept {
  explicit Kept(const v1::Graph& graph) : composites(graph.composites()), library(composites) {}
  const google::protobuf::RepeatedPtrField<v1::Composite> composites;
  const CompositeLibrary library;
  std::vector<std::shared_ptr<const void>> expansions;
};

class Compiler {
 public:
  // `passed` may be null.
  Compiler(const v1::Graph& graph, const CompileOptions& options, Passed* passed)
      : graph_(graph),
        options_(options),
        passed_(passed),
        kept_(std::make_shared<Kept>(graph)),
        expandable_(options.most_expanded) {}

  CompileResult Run() {
    result_.keep_alive = kept_;
    if (Bounds()) Passes();
    result_.ok = report_.errors() == 0;
    if (!result_.ok || passed_ != nullptr) result_.module = nullptr;
    if (passed_ != nullptr) {  // which is kept for long
      passed_->instances = result_.instances.size();
      result_.instances.clear();
      kept_->expansions.clear();
    }
    result_.diagnostics = report_.Take();
    if (!result_.ok && options_.most_fixes > 0)
      OfferFixes(graph_, result_.nodes, options_.most_fixes, &result_.diagnostics);
    if (options_.positions != nullptr) {
      for (v1::Diagnostic& diagnostic : result_.diagnostics) options_.positions->Locate(diagnostic);
    }
    return std::move(result_);
  }

 private:
  bool Bounds() {
    if (graph_.schema_version() > 1 || graph_.schema_version() < 0) {
      v1::Diagnostic& diagnostic =
          report_.Error("BAD_VERSION", "the graph was written by a newer version");
      diagnostic.set_expected("1");
      diagnostic.set_found(fmt::format("{}", graph_.schema_version()));
      diagnostic.set_path("graphkiln");
    }
    if (static_cast<size_t>(graph_.nodes_size()) > graph::kMostNodes) {
      report_.Error("LIMIT", fmt::format("a graph has at most {} nodes", graph::kMostNodes));
      return false;
    }
    if (graph_.inputs_size() == 0)
      report_.Error("NO_INPUTS", "the graph has no input").set_path("inputs");
    if (graph_.outputs_size() == 0)
      report_.Error("NO_OUTPUTS", "the graph has no output").set_path("outputs");
    return true;
  }

  void Passes() {
    const GraphScope scope(graph_);
    NormalGraph normal = Normalised(scope);
    const size_t findings = report_.diagnostics().size();
    const std::vector<std::optional<ir::TensorType>> types = InputTypes();
    Typed typed = TypeGraph(normal, types, kept_->library, report_, &expandable_);
    const size_t node_findings = report_.diagnostics().size();
    result_.outputs = TypeOutputs({normal, typed.inputs, typed.results}, typed.values, report_);
    kept_->expansions = std::move(typed.keep_alive);
    result_.nodes.reserve(normal.nodes.size());
    for (size_t i = 0; i < normal.nodes.size(); ++i) {
      result_.nodes.push_back(TypesOf(normal.nodes[i], typed.results[i], typed.module));
      // Of a large graph, what nobody needs any more makes room.
      if (passed_ == nullptr) normal.nodes[i] = NormalNode();
    }
    if (passed_ != nullptr) {
      passed_->inputs = std::move(typed.inputs);
      passed_->values = typed.module.values;
      passed_->results = std::move(typed.results);
      passed_->normal = std::move(normal);
      passed_->normalise_findings = findings;
      passed_->composites = &kept_->library;
      passed_->expandable = expandable_;
      passed_->kept = typed.values.kept();
      passed_->weights = typed.weights;
      passed_->sizes = typed.module.sizes;
      passed_->node_findings = node_findings;
      passed_->complete = true;
    }
    result_.output_form = FormOf(graph_);
    typed.module.outputs = CheckOutputs(graph_, result_.outputs, report_);
    Assumptions(typed.module);
    result_.instances = std::move(typed.instances);
    for (const ir::Input& input : typed.module.inputs)
      result_.inputs.emplace_back(input.name, Tree::Tensor(input.value));
    for (const auto& [name, tree] : result_.outputs) {
      // An unknown output has its error already, unless the compiler itself lost it.
      if (report_.errors() == 0 && !IsKnown(tree))
        report_.Error("INTERNAL", fmt::format("output {} has no type", QuoteForMessage(name)));
    }
    if (report_.errors() > 0) return;
    typed.module.name = graph_.name();
    // Each call was typed as it was made.
    if (const absl::Status verified = ir::Verify(typed.module, ir::VerifyDepth::kOrder);
        !verified.ok()) {
      GRAPHKILN_BUG("compile.verify", std::string(verified.message()));
      report_.Error("INTERNAL", std::string(verified.message()));
    }
    result_.module = std::make_shared<const ir::Module>(std::move(typed.module));
    if (options_.lint && report_.errors() == 0) Lint(graph_, result_, report_);
  }

  NormalGraph Normalised(const GraphScope& scope) {
    NormaliseArgs args;
    for (const v1::GraphInput& input : graph_.inputs()) args.inputs.push_back(input.name());
    for (const v1::Node& node : graph_.nodes()) args.nodes.push_back(&node);
    StringSet names;
    for (const v1::GraphOutput& output : graph_.outputs()) {
      if (!names.insert(output.name()).second) {
        report_
            .Error("DUPLICATE_ID",
                   fmt::format("two outputs are called {}", QuoteForMessage(output.name())))
            .set_path("outputs." + output.name());
      }
      args.outputs.push_back(&output);
    }
    args.scope = &scope;
    args.composites = &kept_->library;
    args.budget = &expandable_;
    return Normalise(args, report_);
  }

  // Nothing for an input whose type is wrong: what hangs on it stays unknown and says nothing.
  std::vector<std::optional<ir::TensorType>> InputTypes() {
    std::vector<std::optional<ir::TensorType>> types;
    for (const v1::GraphInput& input : graph_.inputs()) {
      auto type = ir::FromProto(input.spec());
      if (input.has_shape_known() && !input.shape_known()) {
        v1::Diagnostic& diagnostic = report_.Error(
            "MISSING_SHAPE",
            fmt::format("the shape of input {} is not known", QuoteForMessage(input.name())));
        diagnostic.set_path("inputs." + input.name());
        diagnostic.set_expected(fmt::format("--input {}=DIMS", input.name()));
        types.emplace_back();
        continue;
      }
      if (!type.ok()) {
        v1::Diagnostic& diagnostic =
            report_.Error("BAD_SHAPE", fmt::format("input {}: {}", QuoteForMessage(input.name()),
                                                   std::string(type.status().message())));
        diagnostic.set_path("inputs." + input.name());
        diagnostic.set_expected("sizes of 0 or more, or symbols");
      }
      types.push_back(type.ok() ? std::optional(*std::move(type)) : std::nullopt);
    }
    return types;
  }

  void Assumptions(const ir::Module& module) {
    for (const ir::Assumption& assumption : module.assumptions.all()) {
      SizeAssumption& out = result_.assumptions.emplace_back();
      out.condition = assumption;
      if (assumption.source >= 0)
        out.node = module.sources[static_cast<size_t>(assumption.source)].node;
    }
  }

  const v1::Graph& graph_;
  const CompileOptions& options_;
  Passed* const passed_;
  std::shared_ptr<Kept> kept_;
  Report report_;
  int64_t expandable_;
  CompileResult result_;
};

}  // namespace

CompileResult Compile(const v1::Graph& graph, const CompileOptions& options) {
  return Compiler(graph, options, nullptr).Run();
}

CompileResult CompileKeeping(const v1::Graph& graph, const CompileOptions& options,
                             Passed* passed) {
  return Compiler(graph, options, passed).Run();
}

NodeTypes TypesOf(const NormalNode& node, const Tree& result, const ir::Module& module) {
  NodeTypes types = {node.id, node.type, {}};
  VisitTensors(result, "", [&](const std::string&, ir::ValueId id) {
    types.outputs.push_back(module.type(id));
  });
  return types;
}

}  // namespace graphkiln::compiler
