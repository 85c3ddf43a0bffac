#include "common/compiler/normalise.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/compiler/composite.h"
#include "common/compiler/connector.h"
#include "common/compiler/container.h"
#include "common/compiler/node_names.h"
#include "common/compiler/order.h"
#include "common/graph/equal.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

class Normaliser {
 public:
  Normaliser(const NormaliseArgs& args, Report& report) : args_(args), report_(report) {}

  NormalGraph Run() {
    Names();
    Connector connector(args_, own_, graph_, report_);
    for (size_t i = 0; i < args_.nodes.size(); ++i) connector.Inputs(i);
    connector.Outputs();
    OrderNodes(args_.outer, graph_, report_);
    if (args_.outer.node.empty() && report_.errors() == 0) WarnUnused(graph_, report_);
    return std::move(graph_);
  }

  void Again(const Renewal& renewal, NormalGraph* graph) {
    names_ = renewal.names;
    graph_ = std::move(*graph);
    for (const int i : renewal.nodes) {
      NormalNode& node = graph_.nodes[static_cast<size_t>(i)];
      NormalNode fresh;
      fresh.id = std::move(node.id);
      fresh.identifier = renewal.identifiers != nullptr
                             ? (*renewal.identifiers)[static_cast<size_t>(i)]
                             : std::move(node.identifier);
      node = std::move(fresh);
      Begin(static_cast<size_t>(i));
    }
    for (const int i : renewal.nodes) Module(static_cast<size_t>(i));
    StandIns stand_ins;
    for (const int i : renewal.nodes) StandIn(static_cast<size_t>(i), stand_ins);
    Connector connector(args_, *names_, graph_, report_);
    for (const int i : renewal.nodes) connector.Inputs(static_cast<size_t>(i));
    if (renewal.outputs) {
      graph_.outputs.clear();
      connector.Outputs();
    }
    *graph = std::move(graph_);
  }

 private:
  Report::Place PlaceOf(const std::string& id) const { return args_.outer.Inside(id); }

  // Ids, identifiers, types and parameters.
  void Names() {
    graph_.inputs.reserve(args_.inputs.size());  // the map points into them
    for (const std::string& input : args_.inputs) {
      graph_.inputs.push_back(input);
      if (own_.inputs.emplace(graph_.inputs.back(), static_cast<int>(graph_.inputs.size()) - 1)
              .second)
        continue;
      report_.Error("DUPLICATE_ID", fmt::format("two inputs are called {}", QuoteForMessage(input)))
          .set_path("inputs." + input);
    }
    std::vector<std::string> ids;
    ids.reserve(args_.nodes.size());
    for (const v1::Node* node : args_.nodes) ids.push_back(node->id());
    std::vector<std::string> identifiers = args_.outer.node.empty()
                                               ? NodeIdentifiers(args_.nodes)
                                               : InnerIdentifiers(args_.nodes, args_.container);
    graph_.nodes.resize(ids.size());
    own_.nodes.reserve(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      NormalNode& node = graph_.nodes[i];
      node.id = std::move(ids[i]);
      node.identifier = std::move(identifiers[i]);
      const Report::Place place = PlaceOf(node.id);
      if (node.id.empty() || node.id.size() > 1024) {
        report_.ErrorAt(place, "BAD_ID", "a node id has 1 to 1,024 bytes");
        node.broken = true;
      }
      if (own_.inputs.contains(node.id)) {
        report_.ErrorAt(place, "DUPLICATE_ID",
                        fmt::format("{} is a node and an input", QuoteForMessage(node.id)));
        node.broken = true;
      } else if (!own_.nodes.emplace(node.id, static_cast<int>(i)).second) {
        report_.ErrorAt(place, "DUPLICATE_ID",
                        fmt::format("two nodes are called {}", QuoteForMessage(node.id)));
        node.broken = true;
      }
      Begin(i);
    }
    for (size_t i = 0; i < ids.size(); ++i) Module(i);
    StandIns stand_ins;
    for (size_t i = 0; i < ids.size(); ++i) StandIn(i, stand_ins);
  }

  // What a node says of itself.
  void Begin(size_t i) {
    NormalNode& node = graph_.nodes[i];
    node.source = args_.nodes[i];
    node.mode = args_.nodes[i]->mode();
    node.compile_mode = args_.nodes[i]->compile_mode();
    const Report::Place place = PlaceOf(node.id);
    Type(i, place);
    Params(i, place);
  }

  void Type(size_t i, const Report::Place& place) {
    NormalNode& node = graph_.nodes[i];
    const std::string& written = args_.nodes[i]->type();
    node.type = written;
    if (written.find('{') != std::string::npos && !args_.outer.node.empty()) {
      const auto type = Interpolate(written, *args_.scope);
      if (type.ok()) node.type = *type;
    }
    node.composite = args_.composites->Find(node.type);
    if (node.composite == nullptr) node.def = nodes::FindNode(node.type);
    if (node.def != nullptr) node.type = std::string(node.def->name);  // not the lazy name
    if (node.composite == nullptr && node.def == nullptr && IsContainer(node.type)) {
      return Container(node, *args_.nodes[i], place);
    }
    if (args_.nodes[i]->children_size() > 0) {
      ContainerFault(place, "only Sequential, ModuleList and ModuleDict hold children", node.type);
      node.broken = true;
    }
    if (node.composite != nullptr || node.def != nullptr) return;
    node.broken = true;
    v1::Diagnostic& diagnostic = report_.ErrorAt(
        place, "UNKNOWN_TYPE", fmt::format("there is no node type {}", QuoteForMessage(node.type)));
    diagnostic.set_found(node.type.substr(0, 200));
    if (report_.errors() > Connector::kMostSuggestions) return;
    std::vector<std::string> names = nodes::NodeNames(node.type);
    for (const std::string& name : args_.composites->Names()) names.push_back(name);
    for (std::string& name : ContainerNames()) names.push_back(std::move(name));
    const auto near = NearestName(node.type, names);
    if (!near) return;
    diagnostic.set_expected(*near);
    if (!place.path.empty()) return;
    v1::Fix* fix = diagnostic.add_fixes();
    fix->set_description(fmt::format("change the type to {}", *near));
    v1::SetType* edit = fix->add_edits()->mutable_set_type();
    edit->set_node(node.id);
    edit->set_type(*near);
  }

  void ContainerFault(const Report::Place& place, std::string message, const std::string& found) {
    v1::Diagnostic& diagnostic = report_.ErrorAt(place, "COMPOSITE_RULE", std::move(message));
    diagnostic.set_rule("CONTAINER_C1");
    diagnostic.set_found(found.substr(0, 200));
  }

  void Container(NormalNode& node, const v1::Node& source, const Report::Place& place) {
    // One that shares another's weights takes over what that one holds.
    if (source.children_size() == 0 && !source.module().empty()) return;
    v1::Node evaluated = source;
    absl::Status status = EvaluateChildren(*args_.scope, &evaluated,
                                           // Inside of a composite its expansion has counted them.
                                           args_.outer.node.empty() ? args_.budget : nullptr);
    if (status.ok()) {
      auto composite = ContainerComposite(evaluated);
      if (composite.ok()) {
        node.own = *std::move(composite);
        node.composite = node.own.get();
        return;
      }
      status = composite.status();
    }
    node.broken = true;
    if (absl::IsResourceExhausted(status)) {
      // Told where the budget ends; all after it have the same cause.
      if (*args_.budget == -1) report_.ErrorAt(place, "LIMIT", std::string(status.message()));
    } else {
      ContainerFault(place, std::string(status.message()), node.type);
    }
  }

  void Params(size_t i, const Report::Place& place) {
    NormalNode& node = graph_.nodes[i];
    node.params = nodes::ViewOf(args_.nodes[i]->params());
    if (std::any_of(node.params.begin(), node.params.end(), NeedsEvaluation)) Evaluate(node, place);
  }

  static bool NeedsEvaluation(const nodes::GivenParam& param) {
    return param.value->kind_case() == v1::Value::kExpression ||
           param.value->kind_case() == v1::Value::kListValue;
  }

  void Evaluate(NormalNode& node, const Report::Place& place) {
    auto values = std::make_shared<std::vector<v1::Value>>();
    values->reserve(node.params.size());  // they are pointed at
    nodes::GivenParams params;
    for (const nodes::GivenParam& param : node.params) {
      if (!NeedsEvaluation(param)) {
        params.push_back(param);
        continue;
      }
      auto evaluated = EvaluateAll(*param.value, *args_.scope);
      if (evaluated.ok()) {
        params.push_back({param.name, &values->emplace_back(*std::move(evaluated))});
        continue;
      }
      v1::Diagnostic& diagnostic =
          report_.ErrorAt(place, "BAD_EXPRESSION", std::string(evaluated.status().message()));
      diagnostic.set_param(std::string(param.name));
      diagnostic.set_found(nodes::ValueText(*param.value));
      node.broken = node.bad_params = true;
    }
    node.params = std::move(params);
    node.evaluated = std::move(values);
  }

  void Module(size_t i) {
    const std::string& shared = args_.nodes[i]->module();
    if (shared.empty()) return;
    NormalNode& node = graph_.nodes[i];
    const auto it = names_->nodes.find(shared);
    if (it == names_->nodes.end() || it->second == static_cast<int>(i)) {
      v1::Diagnostic& diagnostic = report_.ErrorAt(
          PlaceOf(node.id), "UNKNOWN_REFERENCE",
          fmt::format("module: there is no other node {}", QuoteForMessage(shared)));
      diagnostic.set_found(shared.substr(0, 200));
      node.broken = node.bad_params = true;
      return;
    }
    const NormalNode& owner = graph_.nodes[static_cast<size_t>(it->second)];
    node.module = it->second;
    graph_.nodes[static_cast<size_t>(it->second)].is_owner = true;
    if (!args_.nodes[static_cast<size_t>(it->second)]->module().empty()) {
      report_.ErrorAt(PlaceOf(node.id), "SHARED_MODULE",
                      fmt::format("module: {} shares another node's weights itself; name that one",
                                  QuoteForMessage(shared)));
      node.broken = node.bad_params = true;
    } else if (owner.type != node.type) {
      v1::Diagnostic& diagnostic = report_.ErrorAt(PlaceOf(node.id), "SHARED_MODULE",
                                                   "nodes that share weights must have one type");
      diagnostic.set_expected(owner.type);
      diagnostic.set_found(node.type);
      node.broken = node.bad_params = true;
    } else if (owner.own != nullptr && node.own != nullptr &&
               !graph::Equal(*owner.own, *node.own)) {
      report_.ErrorAt(PlaceOf(node.id), "SHARED_MODULE",
                      "containers that share weights must hold the same");
      node.broken = true;
    } else if (node.params.empty()) {
      node.params = owner.params;
      node.evaluated = owner.evaluated;
    }
    const bool takes_over = owner.own != nullptr && node.type == owner.type;
    if (node.def == nullptr && node.composite == nullptr && !takes_over) node.broken = true;
    if (!takes_over) return;
    node.own = owner.own;
    node.composite = node.own.get();
  }

  // A node that takes no part has no weights: the first other one that shares them has them
  // instead, under the same name, so that their keys stay.
  using StandIns = StringMap<int>;  // by the owner's id
  void StandIn(size_t i, StandIns& stand_ins) {
    NormalNode& node = graph_.nodes[i];
    if (node.module < 0 || IsActive(graph_.nodes[static_cast<size_t>(node.module)])) return;
    NormalNode& owner = graph_.nodes[static_cast<size_t>(node.module)];
    const auto it = stand_ins.find(owner.id);
    if (it != stand_ins.end()) {
      node.module = it->second;
      graph_.nodes[static_cast<size_t>(it->second)].is_owner = true;
    } else if (IsActive(node)) {
      std::swap(node.identifier, owner.identifier);
      stand_ins.emplace(owner.id, static_cast<int>(i));
      node.module = -1;
    }
  }

  const NormaliseArgs& args_;
  Report& report_;
  NormalGraph graph_;
  NameTable own_;  // of names in the graph
  const NameTable* names_ = &own_;
};

}  // namespace

NormalGraph Normalise(const NormaliseArgs& args, Report& report) {
  return Normaliser(args, report).Run();
}

void NormaliseAgain(const NormaliseArgs& args, const Renewal& renewal, NormalGraph* graph,
                    Report& report) {
  Normaliser(args, report).Again(renewal, graph);
}

}  // namespace graphkiln::compiler
