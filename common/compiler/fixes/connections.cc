// Fixes of what is connected to what: sources, ports, items of tuples, outputs, ids and types.
#include <algorithm>
#include <set>

#include "common/base/strings.h"
#include "common/compiler/composite.h"
#include "common/compiler/container.h"
#include "common/compiler/fixes/generators.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Comparing with more names would make a graph of many findings slow.
constexpr int kMostNames = 2000;
constexpr size_t kMostSources = 8;

v1::Reference To(const std::string& node, const std::string& port = "") {
  v1::Reference reference;
  reference.set_node(node);
  reference.set_port(port);
  return reference;
}

// What could stand at a port of the node: whatever nothing else takes, then what stands before it.
std::vector<v1::Reference> Sources(const Site& site) {
  const v1::Graph& graph = site.view.graph();
  const int self = site.index;
  std::vector<bool> barred(static_cast<size_t>(graph.nodes_size()), false);
  if (self >= 0) barred = site.view.Descendants(self);
  if (self >= 0) barred[static_cast<size_t>(self)] = true;
  std::vector<v1::Reference> out;
  std::set<std::string> taken;
  for (const SiteInput& input : site.inputs) {
    if (input.source && (input.type || site.diagnostic.code() == "CYCLE"))
      taken.insert(ReferenceText(*input.source));
  }
  const auto add = [&](const v1::Reference& source) {
    if (out.size() < kMostSources && taken.insert(ReferenceText(source)).second)
      out.push_back(source);
  };
  const auto add_node = [&](int node) {
    if (barred[static_cast<size_t>(node)] || !site.view.Typed(node)) return;
    const v1::Reference whole = To(graph.nodes(node).id());
    if (site.view.TypeOf(whole)) return add(whole);
    const std::vector<std::string> ports = site.view.OutputPorts(node);
    if (!ports.empty()) add(To(graph.nodes(node).id(), ports[0]));
  };
  const int end = self >= 0 ? self : graph.nodes_size();
  int dead = 0;
  for (int node = end - 1; node >= 0 && dead < 4; --node) {
    if (site.view.Used(node)) continue;
    add_node(node);
    ++dead;
  }
  for (int node = end + 1; node < graph.nodes_size() && dead < 4; ++node) {
    if (site.view.Used(node)) continue;
    add_node(node);
    ++dead;
  }
  for (int input = 0; input < std::min(graph.inputs_size(), 64); ++input) {
    if (!site.view.InputUsed(input)) add(To(graph.inputs(input).name()));
  }
  for (int node = end - 1; node >= std::max(0, end - 4); --node) add_node(node);
  if (graph.inputs_size() > 0) add(To(graph.inputs(0).name()));
  for (int node = end + 1; node < std::min(graph.nodes_size(), end + 3); ++node) add_node(node);
  return out;
}

std::vector<std::string> AllNames(const v1::Graph& graph) {
  std::vector<std::string> names;
  for (const v1::GraphInput& input : graph.inputs()) names.push_back(input.name());
  for (const v1::Node& node : graph.nodes()) names.push_back(node.id());
  return names;
}

// References at the site's own ports that name nothing: port text and the reference.
std::vector<std::pair<std::string, v1::Reference>> Lost(const Site& site) {
  std::vector<std::pair<std::string, v1::Reference>> out;
  for (const SiteInput& input : site.inputs) {
    if (!input.source || site.view.FindNode(input.source->node()) >= 0) continue;
    if (input.source->port().empty() && site.view.FindInput(input.source->node()) >= 0) continue;
    out.emplace_back(input.PortText(), *input.source);
  }
  return out;
}

void SetType(const Site& site, FixRank rank, const std::string& type, Proposals& out) {
  v1::Fix& fix = out.Add(rank, fmt::format("change the type to {}", type));
  v1::SetType& edit = *fix.add_edits()->mutable_set_type();
  edit.set_node(site.node->id());
  edit.set_type(type);
}

}  // namespace

void FixSource(const Site& site, Proposals& out) {
  if (site.node == nullptr || site.ports.empty()) return;
  const std::string& code = site.diagnostic.code();
  std::vector<std::string> at;
  if (code == "UNKNOWN_REFERENCE") {
    const bool comparable = site.view.graph().nodes_size() <= kMostNames;
    const std::vector<std::string> names =
        comparable ? AllNames(site.view.graph()) : std::vector<std::string>();
    for (const auto& [port, reference] : Lost(site)) {
      if (reference.node() != site.diagnostic.found()) continue;
      at.push_back(port);
      // `gru.output` with the node misspelt reads as one name.
      const size_t dot = reference.node().rfind('.');
      const std::string head = reference.node().substr(0, dot);
      if (const auto near = NearestName(reference.node(), names); near && *near != site.node->id())
        out.Connect(kMisspelt, port, To(*near, reference.port()));
      if (dot == std::string::npos) continue;
      if (const auto near = NearestName(head, names))
        out.Connect(kMisspelt, port, To(*near, reference.node().substr(dot + 1)));
    }
  } else if (code == "CYCLE") {
    const std::vector<bool> behind = site.view.Descendants(site.index);
    for (const SiteInput& input : site.inputs) {
      const int source = input.source ? site.view.FindNode(input.source->node()) : -1;
      if (source >= 0 && (source == site.index || behind[static_cast<size_t>(source)]))
        at.push_back(input.PortText());
    }
  } else if (code == "ARITY") {
    // One more value at a port that takes several.
    for (const InputPort& port : site.ports) {
      if (!port.variadic) continue;
      const int64_t count =
          std::count_if(site.inputs.begin(), site.inputs.end(),
                        [&](const SiteInput& input) { return input.port.name == port.name; });
      at.push_back(fmt::format("{}[{}]", port.name, count));
    }
  } else if (!site.diagnostic.port().empty()) {
    at.push_back(site.diagnostic.port());
  }
  if (at.empty()) return;
  std::vector<v1::Reference> sources = Sources(site);
  if (code == "ARITY" && !site.inputs.empty() && site.inputs[0].type) {
    // A value of the others' type; where there is none, what is there once more.
    std::vector<bool> barred = site.view.Descendants(site.index);
    int looked = 0;
    for (int node = site.index - 1; node >= 0 && looked < kMostNames / 4; --node, ++looked) {
      if (sources.size() >= 2 * kMostSources) break;
      const v1::Reference whole = To(site.view.node(node).id());
      if (!barred[static_cast<size_t>(node)] && whole.node() != site.inputs[0].source->node() &&
          site.view.TypeOf(whole) == site.inputs[0].type)
        sources.push_back(whole);
    }
    for (const std::string& port : at) out.Connect(kForced, port, *site.inputs[0].source);
  }
  for (const std::string& port : at) {
    for (size_t i = 0; i < sources.size(); ++i)
      out.Connect(i == 0 ? kNatural : kPossible, port, sources[i]);
  }
  // Of several values the good ones may be enough.
  for (const std::string& port : at) {
    const auto [name, position] = SplitPort(port);
    if (position < 0 || code == "ARITY") continue;
    v1::Fix& fix = out.Add(kForced, fmt::format("disconnect {}", port));
    v1::Disconnect& edit = *fix.add_edits()->mutable_disconnect();
    edit.set_node(site.node->id());
    edit.set_port(name);
    edit.set_position(position);
  }
}

void FixSurplus(const Site& site, Proposals& out) {
  if (site.node == nullptr) return;
  const std::vector<int> ports = PortsOfInputs(site.ports, *site.node);
  // Ports are named by their inputs; those beyond the last port cannot be, so the node is written
  // anew with the inputs that have one.
  bool surplus = false;
  for (const int port : ports) surplus |= port < 0;
  if (surplus && !site.ports.empty()) {
    for (size_t drop = 0; drop < std::min<size_t>(ports.size(), 6); ++drop) {
      std::vector<const v1::Argument*> kept;
      for (size_t i = 0; i < ports.size(); ++i) {
        if (i != drop) kept.push_back(&site.node->inputs(static_cast<int>(i)).value());
      }
      if (kept.size() > site.ports.size()) continue;
      v1::Fix& fix = out.Add(drop + 1 == ports.size() ? kNatural : kPossible,
                             fmt::format("disconnect input {}", drop + 1));
      // What stands beyond the last port has no name.
      for (size_t i = site.ports.size(); i < ports.size(); ++i)
        fix.add_edits()->mutable_disconnect()->set_node(site.node->id());
      for (size_t i = 0; i < kept.size(); ++i) {
        if (!kept[i]->has_reference()) continue;
        v1::Connect& edit = *fix.add_edits()->mutable_connect();
        *edit.mutable_source() = kept[i]->reference();
        edit.set_node(site.node->id());
        edit.set_port(site.ports[i].name);
      }
    }
  }
  for (const SiteInput& input : site.inputs) {
    if (input.position < 1) continue;
    v1::Fix& fix = out.Add(kPossible, fmt::format("disconnect {}", input.PortText()));
    v1::Disconnect& edit = *fix.add_edits()->mutable_disconnect();
    edit.set_node(site.node->id());
    edit.set_port(input.port.name);
    edit.set_position(input.position);
  }
}

void FixTuple(const Site& site, Proposals& out) {
  if (site.node == nullptr) return;
  for (const SiteInput& input : site.inputs) {
    if (!input.source || !input.source->port().empty() || input.type) continue;
    const int source = site.view.FindNode(input.source->node());
    if (source < 0) continue;
    const std::vector<std::string> ports = site.view.OutputPorts(source);
    for (size_t p = 0; p < std::min<size_t>(ports.size(), 4); ++p)
      out.Connect(p == 0 ? kExact : kPossible, input.PortText(),
                  To(input.source->node(), ports[p]));
    for (const int64_t index : {0, 1, -1})
      out.Insert(kPossible, input, {{"Get", {{"index", IntValue(index)}}}});
  }
}

void FixPortName(const Site& site, Proposals& out) {
  if (site.node == nullptr) return;
  // An output port of another node.
  for (const SiteInput& input : site.inputs) {
    if (!input.source || input.source->port().empty()) continue;
    const int source = site.view.FindNode(input.source->node());
    if (source < 0) continue;
    const std::vector<std::string> ports = site.view.OutputPorts(source);
    if (std::find(ports.begin(), ports.end(), input.source->port()) != ports.end()) continue;
    if (const auto near = NearestName(input.source->port(), ports))
      out.Connect(kMisspelt, input.PortText(), To(input.source->node(), *near));
    out.Connect(kNatural, input.PortText(), To(input.source->node()));
    for (size_t p = 0; p < std::min<size_t>(ports.size(), 3); ++p)
      out.Connect(kPossible, input.PortText(), To(input.source->node(), ports[p]));
  }
  // An input port of the node itself.
  const std::vector<int> at = PortsOfInputs(site.ports, *site.node);
  for (int i = 0; i < site.node->inputs_size(); ++i) {
    if (at[static_cast<size_t>(i)] >= 0 || !site.node->inputs(i).value().has_reference()) continue;
    const std::string& name = site.node->inputs(i).port();
    std::vector<std::string> free;
    for (size_t p = 0; p < site.ports.size(); ++p) {
      if (std::find(at.begin(), at.end(), static_cast<int>(p)) == at.end())
        free.push_back(site.ports[p].name);
    }
    const auto near = NearestName(name, free);
    if (near) free.insert(free.begin(), *near);
    for (size_t p = 0; p < std::min<size_t>(free.size(), 4); ++p) {
      v1::Fix& fix =
          out.Add(p == 0 ? kExact : kPossible,
                  fmt::format("rename the port {} to {}", QuoteForMessage(name), free[p]));
      v1::Disconnect& cut = *fix.add_edits()->mutable_disconnect();
      cut.set_node(site.node->id());
      cut.set_port(name);
      v1::Connect& edit = *fix.add_edits()->mutable_connect();
      *edit.mutable_source() = site.node->inputs(i).value().reference();
      edit.set_node(site.node->id());
      edit.set_port(free[p]);
    }
    v1::Fix& fix = out.Add(kPossible, fmt::format("disconnect {}", QuoteForMessage(name)));
    v1::Disconnect& cut = *fix.add_edits()->mutable_disconnect();
    cut.set_node(site.node->id());
    cut.set_port(name);
  }
}

void FixOutputs(const Site& site, Proposals& out) {
  if (site.node != nullptr) return;
  const std::string& code = site.diagnostic.code();
  const std::string& path = site.diagnostic.path();
  std::string name;
  if (path.starts_with("outputs.")) name = path.substr(8);
  if (code == "NO_OUTPUTS") name = "output";
  if (name.empty()) return;
  const v1::Graph& graph = site.view.graph();
  const auto connect = [&](FixRank rank, const v1::Reference& source) {
    v1::Fix& fix = out.Add(
        rank, fmt::format("connect {} to output {}", QuoteForMessage(ReferenceText(source)), name));
    v1::Connect& edit = *fix.add_edits()->mutable_connect();
    *edit.mutable_source() = source;
    edit.set_port(name);
  };
  for (const v1::GraphOutput& output : graph.outputs()) {
    if (output.name() != name) continue;
    if (!output.value().has_reference()) return;  // only the whole of it could be replaced
    const v1::Reference& given = output.value().reference();
    const int node = site.view.FindNode(given.node());
    if (node >= 0) {
      const std::vector<std::string> ports = site.view.OutputPorts(node);
      if (const auto near = NearestName(given.port(), ports))
        connect(kMisspelt, To(given.node(), *near));
      connect(kNatural, To(given.node()));
    } else if (graph.nodes_size() <= kMostNames) {
      const std::vector<std::string> names = AllNames(graph);
      if (const auto near = NearestName(given.node(), names))
        connect(kMisspelt, To(*near, given.port()));
      const size_t dot = given.node().rfind('.');
      if (dot != std::string::npos) {
        if (const auto near = NearestName(given.node().substr(0, dot), names))
          connect(kMisspelt, To(*near, given.node().substr(dot + 1)));
      }
    }
  }
  int dead = 0;
  for (int node = graph.nodes_size() - 1; node >= 0 && dead < 3; --node) {
    if (site.view.Used(node)) continue;
    ++dead;
    connect(kNatural, To(graph.nodes(node).id()));
  }
  for (const v1::Reference& source : Sources(site))
    connect(site.view.FindNode(source.node()) >= 0 ? kPossible : kForced, source);
  // Where the graph could not be typed, names are all there is.
  if (graph.nodes_size() > 0) connect(kForced, To(graph.nodes(graph.nodes_size() - 1).id()));
}

void FixTypeName(const Site& site, Proposals& out) {
  if (site.node == nullptr) return;
  const std::string& type = site.node->type();
  // Types that know the node's parameters, nearest spelling first.
  struct Candidate {
    size_t unknown, distance;
    std::string name;
  };
  std::vector<Candidate> candidates;
  const std::string lower = ToLowerAscii(type.substr(0, 100));
  const auto consider = [&](const std::string& name, const std::vector<nodes::ParamSpec>& specs) {
    size_t unknown = 0;
    for (const auto& [param, value] : site.node->params()) {
      unknown += std::none_of(specs.begin(), specs.end(),
                              [&](const nodes::ParamSpec& spec) { return spec.name == param; })
                     ? 1
                     : 0;
    }
    for (const nodes::ParamSpec& spec : specs)
      unknown += spec.required && !site.node->params().contains(spec.name) ? 1 : 0;
    const std::string other = ToLowerAscii(name);
    const bool part =
        other.find(lower) != std::string::npos || lower.find(other) != std::string::npos;
    // A type of quite another name fits by chance at most.
    const size_t most = std::max<size_t>(2, lower.size() / 3);
    const size_t distance = part && lower.size() > 2 ? 1 : EditDistance(lower, other, most);
    if (distance <= most) candidates.push_back({unknown, distance, name});
  };
  for (const nodes::NodeDef* def : nodes::AllNodes()) consider(std::string(def->name), def->params);
  for (const v1::Composite& composite : BuiltInComposites())
    consider(composite.name(), ParamsOf(composite));
  for (int i = 0; i < std::min(site.view.graph().composites_size(), 100); ++i)
    consider(site.view.graph().composites(i).name(), ParamsOf(site.view.graph().composites(i)));
  if (site.node->children_size() > 0) {
    for (const std::string& name : ContainerNames()) candidates.push_back({0, 1, name});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return 4 * a.unknown + a.distance < 4 * b.unknown + b.distance;
                   });
  for (size_t i = 0; i < std::min<size_t>(candidates.size(), 6); ++i)
    SetType(site, candidates[i].unknown > 0 ? kForced : kPossible, candidates[i].name, out);
}

void FixId(const Site& site, Proposals& out) {
  if (site.node == nullptr) return;
  v1::Fix& fix = out.Add(kNatural, "give the node another id");
  v1::RenameNode& edit = *fix.add_edits()->mutable_rename_node();
  edit.set_node(site.node->id());
  edit.set_new_id(site.view.FreshId(site.node->id().empty() ? "node" : site.node->id()));
}

void FixSharing(const Site& site, Proposals& out) {
  if (site.node == nullptr || site.node->module().empty()) return;
  const int owner = site.view.FindNode(site.node->module());
  if (owner < 0) return;
  const v1::Node& other = site.view.node(owner);
  v1::Fix fix;
  if (other.type() != site.node->type()) {
    v1::SetType& edit = *fix.add_edits()->mutable_set_type();
    edit.set_node(site.node->id());
    edit.set_type(other.type());
  }
  // Without parameters a node takes over the owner's.
  std::vector<std::string> names;
  for (const auto& [name, value] : site.node->params()) names.push_back(name);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    v1::UnsetParam& edit = *fix.add_edits()->mutable_unset_param();
    edit.set_node(site.node->id());
    edit.set_param(name);
  }
  if (fix.edits_size() == 0) return;
  *out.Add(kNatural, fmt::format("make the node equal to {}", QuoteForMessage(other.id())))
       .mutable_edits() = fix.edits();
}

}  // namespace graphkiln::compiler
