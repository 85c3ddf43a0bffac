#include "common/compiler/inactive.h"

#include <utility>
#include <vector>

#include "common/base/free_names.h"
#include "common/compiler/projection.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Each fix looks for free ids among all nodes.
constexpr size_t kMostFixes = 100;

Tree Gap(Tree::Kind kind, const Report::Place& place, std::string what) {
  Tree tree;
  tree.kind = kind;
  tree.names = {place.node, place.path, std::move(what)};
  return tree;
}

Report::Place PlaceOf(const Tree& gap) { return {gap.names[0], gap.names[1]}; }

std::string NameOf(const Report::Place& place) {
  return QuoteForMessage(place.path.empty() ? place.node : place.path);
}

constexpr char kCounterpart[] = "a value that the bypassed node takes in";

std::string WithheldText(const Tree& gap) {
  return fmt::format("the bypassed node {} gives no {}", NameOf(PlaceOf(gap)), gap.names[2]);
}

// The name of a value in the graph's own words; nothing where it is no plain reference.
std::optional<v1::Reference> ReferenceTo(const NormalGraph& graph, const Arg& arg) {
  v1::Reference out;
  if (arg.kind == Arg::Kind::kInput) {
    out.set_node(graph.inputs[static_cast<size_t>(arg.index)]);
    return out;
  }
  if (arg.kind != Arg::Kind::kNode) return std::nullopt;
  const NormalNode& node = graph.nodes[static_cast<size_t>(arg.index)];
  out.set_node(node.id);
  if (arg.port < 0) return out;
  out.set_port(node.def != nullptr ? node.def->outputs[static_cast<size_t>(arg.port)].name
                                   : node.composite->outputs(arg.port).name());
  return out;
}

std::string FreeId(const NormalGraph& graph, const std::string& stem) {
  FreeNames names;
  for (const NormalNode& node : graph.nodes) names.Take(node.id);
  for (const std::string& input : graph.inputs) names.Take(input);
  return names.New(stem);
}

// Takes the node's place: one of the same id, which references mean from then on.
void Replace(v1::Node node, v1::Fix& fix) {
  *fix.add_edits()->mutable_add_node()->mutable_node() = std::move(node);
}

// What the user can do about a node of the top level that is not bypassed as it should be.
class Fixes {
 public:
  Fixes(const NormalGraph& graph, const NormalNode& node, bool shares, v1::Diagnostic& diagnostic)
      : graph_(graph), node_(node), shares_(shares), diagnostic_(diagnostic) {}

  // Layers with learned weights in its place.
  void Project(const Arg& arg, const ir::TensorType& from, const ir::TensorType& to) {
    if (shares_) return;
    std::optional<v1::Reference> source = ReferenceTo(graph_, arg);
    std::vector<v1::Node> chain = source ? Projection(from, to) : std::vector<v1::Node>();
    if (chain.empty()) return;
    v1::Fix& fix = *diagnostic_.add_fixes();
    std::string names;
    const std::string stem = FreeId(graph_, node_.id + "_projection");
    for (size_t i = 0; i < chain.size(); ++i) {
      v1::Node& layer = chain[i];
      names += (names.empty() ? "" : ", ") + layer.type();
      const bool last = i + 1 == chain.size();
      layer.set_id(last ? node_.id : i == 0 ? stem : fmt::format("{}_{}", stem, i + 1));
      *layer.add_inputs()->mutable_value()->mutable_reference() = *source;
      source->set_node(layer.id());
      source->clear_port();
      if (last) layer.set_doc(node_.source->doc());
      Replace(std::move(layer), fix);
    }
    fix.set_description(fmt::format("put a projection in its place: {}", names));
  }

  void TakePart() {
    v1::Fix& fix = *diagnostic_.add_fixes();
    fix.set_description("let the node take part again");
    v1::Node node = *node_.source;
    node.clear_mode();
    Replace(std::move(node), fix);
  }

 private:
  const NormalGraph& graph_;
  const NormalNode& node_;
  const bool shares_;
  v1::Diagnostic& diagnostic_;
};

// The bypassed node as the user wrote it, but taking part; not for one inside of a composite.
void OfferPart(const Tree& gap, const NormalGraph& top, v1::Diagnostic& diagnostic) {
  if (!gap.names[1].empty()) return;
  Fixes(top, top.nodes[static_cast<size_t>(gap.value.index)], false, diagnostic).TakePart();
}

class Bypasser {
 public:
  Bypasser(const NormalGraph& graph, const NormalNode& node, const Instance& instance,
           const Report::Place& place, bool shares, const ir::Module& module, Report& report)
      : graph_(graph),
        node_(node),
        instance_(instance),
        place_(place),
        shares_(shares),
        module_(module),
        report_(report) {}

  std::optional<Tree> Run() {
    Tree out = instance_.output;
    if (node_.def == nullptr) {
      const bool several = node_.composite->outputs_size() > 1;
      for (int i = 0; i < node_.composite->outputs_size(); ++i) {
        Tree* at = several ? &out.items[static_cast<size_t>(i)] : &out;
        const auto from = i == 0 && node_.composite->inputs_size() > 0
                              ? std::optional(std::pair(0, 0))
                              : std::nullopt;
        if (!Put(from, node_.composite->outputs(i).name(), at)) return std::nullopt;
      }
    } else if (node_.def->outputs[0].many) {
      for (Tree& item : out.items) {
        if (!Put(node_.def->BypassOf(0), node_.def->outputs[0].name, &item)) return std::nullopt;
      }
    } else {
      const std::vector<int> active = node_.def->ActiveOutputs(instance_.params);
      for (const int port : active) {
        const nodes::OutputSpec& spec = node_.def->outputs[static_cast<size_t>(port)];
        Tree* at = &out;
        for (const int step : spec.path)
          if (active.size() > 1) at = &at->items[static_cast<size_t>(step)];
        if (!Put(node_.def->BypassOf(port), spec.name, at)) return std::nullopt;
      }
    }
    if (!any_) {
      Fault("BYPASS_C1", fmt::format("{} cannot be bypassed: nothing among its inputs stands for "
                                     "its result",
                                     instance_.type));
      return std::nullopt;
    }
    Measure(out);
    return out;
  }

 private:
  // Puts what stands at an input in the place of one of the node's values.
  bool Put(const std::optional<std::pair<int, int>>& from, const std::string& output, Tree* at) {
    const Tree* source = nullptr;
    if (from) {
      source = &instance_.inputs[static_cast<size_t>(from->first)];
      if (node_.def != nullptr && node_.def->inputs[static_cast<size_t>(from->first)].variadic) {
        const auto position = static_cast<size_t>(from->second);
        source = position < source->items.size() ? &source->items[position] : nullptr;
      }
    }
    if (source == nullptr || !source->IsTensor()) {
      *at = Gap(Tree::Kind::kWithheld, place_, output);
      at->value.index = static_cast<int32_t>(&node_ - graph_.nodes.data());
      return true;
    }
    any_ = true;
    const ir::TensorType& in = module_.type(source->value);
    const ir::TensorType* own = at->IsTensor() ? &module_.type(at->value) : nullptr;
    if (own == nullptr || own->rank() != in.rank() || own->dtype != in.dtype) {
      v1::Diagnostic& diagnostic =
          Fault("BYPASS_C2",
                fmt::format("{} cannot be bypassed: its result is no tensor like its input",
                            instance_.type),
                from->first, own);
      diagnostic.set_expected(ir::TypeText(in));
      diagnostic.set_found(TreeText(*at, module_));
      return false;
    }
    if (*own != in && !resized_) {
      resized_ = true;
      v1::Diagnostic& diagnostic =
          report_.Hint("BYPASS_SHAPE",
                       "the bypassed node hands on another size than its own; what follows is "
                       "typed anew");
      diagnostic.set_node(place_.node);
      diagnostic.set_path(place_.path);
      diagnostic.set_rule("BYPASS_C4");
      diagnostic.set_expected(ir::TypeText(*own));
      diagnostic.set_found(ir::TypeText(in));
      Offer(diagnostic, from->first, own);
    }
    *at = *source;
    return true;
  }

  v1::Diagnostic& Fault(std::string_view rule, std::string message, int port = -1,
                        const ir::TensorType* own = nullptr) {
    v1::Diagnostic& diagnostic = report_.ErrorAt(place_, "BYPASS_SHAPE", std::move(message));
    diagnostic.set_rule(std::string(rule));
    Offer(diagnostic, port, own);
    return diagnostic;
  }

  void Offer(v1::Diagnostic& diagnostic, int port, const ir::TensorType* own) {
    if (!place_.path.empty() || report_.diagnostics().size() > kMostFixes) return;
    Fixes fixes(graph_, node_, shares_, diagnostic);
    const bool single = node_.def != nullptr
                            ? node_.def->outputs.size() == 1 && !node_.def->outputs[0].many
                            : node_.composite->outputs_size() == 1;
    if (port >= 0 && own != nullptr && single) {
      const Tree& tree = instance_.inputs[static_cast<size_t>(port)];
      const PortArgs& args = node_.inputs[static_cast<size_t>(port)];
      const ir::ValueId value = tree.IsTensor() ? tree.value : tree.items[0].value;
      // Not where one tuple stands for several values.
      if (tree.items.size() < 2 || args.size() == tree.items.size())
        fixes.Project(args[0], module_.type(value), *own);
    }
    fixes.TakePart();
  }

  const NormalGraph& graph_;
  const NormalNode& node_;
  const Instance& instance_;
  const Report::Place& place_;
  const bool shares_;
  const ir::Module& module_;
  Report& report_;
  bool any_ = false;      // an output has a value
  bool resized_ = false;  // the hint was given
};

}  // namespace

Mark MarkOf(const ir::Module& module) {
  return {module.values.size(), module.calls.size(), module.parameters.size(),
          module.sources.size(), module.assumptions.mark()};
}

void TakeBack(const Mark& mark, ir::Module& module, WeightKeys& keys) {
  keys.TakeBack(module.parameters, mark.parameters);
  module.parameters.resize(mark.parameters);
  module.calls.resize(mark.calls);
  module.values.resize(mark.values);
  module.sources.resize(mark.sources);
  module.assumptions.TakeBack(mark.assumptions);
}

Tree Muted(const Report::Place& place) { return Gap(Tree::Kind::kMuted, place, ""); }

// Trees nest at most 64 levels.
const Tree* FindGap(const Tree& tree) {
  if (tree.kind == Tree::Kind::kMuted || tree.kind == Tree::Kind::kWithheld) return &tree;
  for (const Tree& item : tree.items) {
    if (const Tree* gap = FindGap(item)) return gap;
  }
  return nullptr;
}

std::optional<Tree> Bypassed(const NormalGraph& graph, const NormalNode& node,
                             const Instance& instance, const Report::Place& place, bool shares,
                             const ir::Module& module, Report& report) {
  return Bypasser(graph, node, instance, place, shares, module, report).Run();
}

bool FillGap(const NormalNode& node, size_t p, const Tree* left_out, const Report::Place& place,
             const NormalGraph& top, Tree& tree, std::optional<Tree>& instead, Report& report) {
  const nodes::PortSpec* port = node.def != nullptr ? &node.def->inputs[p] : nullptr;
  const bool variadic = port != nullptr && port->variadic;
  // Get takes one part; the others need not be there.
  const bool part = port != nullptr && port->any_value && !tree.items.empty();
  const Tree* gap = variadic && left_out != nullptr ? left_out : part ? nullptr : FindGap(tree);
  if (gap == nullptr) return true;
  if (gap->kind == Tree::Kind::kWithheld) {
    v1::Diagnostic& diagnostic = report.ErrorAt(place, "BYPASS_SHAPE", WithheldText(*gap));
    diagnostic.set_rule("BYPASS_C3");
    diagnostic.set_expected(kCounterpart);
    OfferPart(*gap, top, diagnostic);
    if (!place.path.empty()) return false;
    diagnostic.set_port(port != nullptr ? port->name
                                        : node.composite->inputs(static_cast<int>(p)).name());
    return false;
  }
  const bool joins = variadic && !tree.items.empty() && port->at_least < port->at_most;
  const int left = static_cast<int>(tree.items.size());
  if (joins && left >= port->at_least) return true;
  if (port != nullptr ? port->optional : node.composite->inputs(static_cast<int>(p)).optional()) {
    tree = Tree();
    tree.kind = Tree::Kind::kNone;
  } else if (!instead || instead->kind != Tree::Kind::kMuted) {
    Tree other = joins && left == 1 ? tree.items[0] : *gap;
    instead = std::move(other);
  }
  return true;
}

void ReportWithheld(const Tree& gap, const std::string& output, const NormalGraph& top,
                    Report& report) {
  v1::Diagnostic& diagnostic = report.Error("BYPASS_SHAPE", WithheldText(gap));
  diagnostic.set_rule("BYPASS_C3");
  diagnostic.set_expected(kCounterpart);
  diagnostic.set_node(gap.names[0]);
  diagnostic.set_path("outputs." + output);
  OfferPart(gap, top, diagnostic);
}

void ReportMuted(const Tree& gap, const std::string& output, bool another, Report& report) {
  std::string message = fmt::format("output {} hangs on the muted node {}", QuoteForMessage(output),
                                    NameOf(PlaceOf(gap)));
  v1::Diagnostic& diagnostic = another
                                   ? report.Warning("MUTED_OUTPUT", message + " and is left out")
                                   : report.Error("MUTED_OUTPUT", std::move(message));
  diagnostic.set_node(gap.names[0]);
  diagnostic.set_path("outputs." + output);
  diagnostic.set_expected("a value that does not depend on a muted node");
}

}  // namespace graphkiln::compiler
