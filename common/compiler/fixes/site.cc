#include "common/compiler/fixes/site.h"

#include <utility>

#include "common/compiler/composite.h"
#include "common/graph/references.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

const v1::Composite* FindComposite(const v1::Graph& graph, std::string_view type) {
  for (const v1::Composite& composite : graph.composites()) {
    if (composite.name() == type) return &composite;
  }
  for (const v1::Composite& composite : BuiltInComposites()) {
    if (composite.name() == type) return &composite;
  }
  return nullptr;
}

}  // namespace

GraphView::GraphView(const v1::Graph& graph, const NodeTypesList& types)
    : graph_(graph), types_(types) {
  for (int i = 0; i < graph.nodes_size(); ++i) nodes_.emplace(graph.nodes(i).id(), i);
  for (int i = 0; i < graph.inputs_size(); ++i) inputs_.emplace(graph.inputs(i).name(), i);
}

int GraphView::FindNode(std::string_view id) const {
  const auto it = nodes_.find(id);
  return it == nodes_.end() ? -1 : it->second;
}

int GraphView::FindInput(std::string_view name) const {
  const auto it = inputs_.find(name);
  return it == inputs_.end() ? -1 : it->second;
}

std::optional<ir::TensorType> GraphView::TypeOf(const v1::Reference& reference) const {
  if (reference.port().empty()) {
    const int input = FindInput(reference.node());
    if (input >= 0) {
      if (graph_.inputs(input).has_shape_known() && !graph_.inputs(input).shape_known())
        return std::nullopt;
      auto type = ir::FromProto(graph_.inputs(input).spec());
      if (type.ok()) return *std::move(type);
      return std::nullopt;
    }
  }
  const int node = FindNode(reference.node());
  if (node < 0 || !Typed(node)) return std::nullopt;
  const NodeTypes& types = types_[static_cast<size_t>(node)];
  const std::vector<std::string> ports = OutputPorts(node);
  int at = 0;
  if (!reference.port().empty()) {
    at = -1;
    for (size_t p = 0; p < ports.size(); ++p) {
      if (ports[p] == reference.port()) at = static_cast<int>(p);
    }
    // Ports that hold tuples cannot be told apart here.
    if (ports.size() != types.outputs.size()) return std::nullopt;
  } else if (types.outputs.size() != 1) {
    return std::nullopt;
  }
  if (at < 0 || static_cast<size_t>(at) >= types.outputs.size()) return std::nullopt;
  return types.outputs[static_cast<size_t>(at)];
}

std::vector<std::string> GraphView::OutputPorts(int node) const {
  std::vector<std::string> ports;
  const std::string& type = graph_.nodes(node).type();
  if (const v1::Composite* composite = FindComposite(graph_, type)) {
    for (const v1::GraphOutput& output : composite->outputs()) ports.push_back(output.name());
  } else if (const nodes::NodeDef* def = nodes::FindNode(type)) {
    const auto& given = graph_.nodes(node).params();
    for (const nodes::OutputSpec& port : def->outputs) {
      if (!port.when.empty()) {
        const nodes::ParamSpec* spec = def->FindParam(port.when);
        const auto it = given.find(port.when);
        const bool standard = spec != nullptr && spec->default_value == nodes::ParamValue(true);
        if (it == given.end() ? !standard : !it->second.bool_value()) continue;
      }
      ports.push_back(port.name);
    }
  }
  return ports;
}

bool GraphView::Typed(int node) const {
  return static_cast<size_t>(node) < types_.size() &&
         !types_[static_cast<size_t>(node)].outputs.empty();
}

void GraphView::Connect() const {
  if (connected_) return;
  connected_ = true;
  consumers_.resize(static_cast<size_t>(graph_.nodes_size()));
  output_.resize(static_cast<size_t>(graph_.nodes_size()), false);
  input_used_.resize(static_cast<size_t>(graph_.inputs_size()), false);
  const auto source = [&](const v1::Reference& reference) {
    const int input = reference.port().empty() ? FindInput(reference.node()) : -1;
    if (input >= 0) input_used_[static_cast<size_t>(input)] = true;
    return input >= 0 ? -1 : FindNode(reference.node());
  };
  for (int i = 0; i < graph_.nodes_size(); ++i) {
    for (const v1::NodeInput& input : graph_.nodes(i).inputs()) {
      graph::VisitReferences(input.value(), [&](const v1::Reference& reference) {
        const int from = source(reference);
        std::vector<int>& to =
            from < 0 ? readers_[reference.node()] : consumers_[static_cast<size_t>(from)];
        if (to.empty() || to.back() != i) to.push_back(i);
      });
    }
  }
  for (const v1::GraphOutput& output : graph_.outputs()) {
    graph::VisitReferences(output.value(), [&](const v1::Reference& reference) {
      const int from = source(reference);
      if (from >= 0) output_[static_cast<size_t>(from)] = true;
    });
  }
}

const std::vector<int>& GraphView::Consumers(int node) const {
  Connect();
  return consumers_[static_cast<size_t>(node)];
}

bool GraphView::Used(int node) const {
  return !Consumers(node).empty() || output_[static_cast<size_t>(node)];
}

bool GraphView::InputUsed(int input) const {
  Connect();
  return input_used_[static_cast<size_t>(input)];
}

const std::vector<int>& GraphView::Readers(std::string_view name) const {
  static const std::vector<int>* const kNone = new std::vector<int>();
  Connect();
  const auto it = readers_.find(name);
  return it == readers_.end() ? *kNone : it->second;
}

std::vector<bool> GraphView::Descendants(int node) const {
  std::vector<bool> found(static_cast<size_t>(graph_.nodes_size()), false);
  std::vector<int> stack = {node};
  while (!stack.empty()) {
    const int at = stack.back();
    stack.pop_back();
    for (const int next : Consumers(at)) {
      if (found[static_cast<size_t>(next)]) continue;
      found[static_cast<size_t>(next)] = true;
      stack.push_back(next);
    }
  }
  return found;
}

std::string GraphView::FreshId(std::string_view base) const {
  std::string id(base.substr(0, 1000));
  for (int i = 2; FindNode(id) >= 0 || FindInput(id) >= 0; ++i)
    id = fmt::format("{}{}", base.substr(0, 1000), i);
  return id;
}

std::string SiteInput::PortText() const {
  return position < 0 ? port.name : fmt::format("{}[{}]", port.name, position);
}

Site::Site(const GraphView& view, const v1::Diagnostic& diagnostic)
    : view(view), diagnostic(diagnostic) {
  index = diagnostic.node().empty() ? -1 : view.FindNode(diagnostic.node());
  if (index < 0) return;
  node = &view.node(index);
  if (const v1::Composite* composite = FindComposite(view.graph(), node->type())) {
    params = ParamsOf(*composite);
  } else if ((def = nodes::FindNode(node->type())) != nullptr) {
    params = def->params;
  }
  ports = InputPorts(view.graph(), *node).value_or(std::vector<InputPort>());
  for (const Arrival& arrival : Arrivals(ports, *node)) {
    SiteInput& input = inputs.emplace_back();
    input.port = ports[static_cast<size_t>(arrival.port)];
    input.position = arrival.position;
    if (!arrival.value->has_reference()) continue;
    input.source = arrival.value->reference();
    input.type = view.TypeOf(*input.source);
  }
}

const SiteInput* Site::At() const {
  const auto [port, position] = SplitPort(diagnostic.port());
  for (const SiteInput& input : inputs) {
    if (input.port.name == port && (position < 0 || input.position == position)) return &input;
  }
  return inputs.empty() ? nullptr : &inputs[0];
}

std::optional<int64_t> Site::IntParam(std::string_view name) const {
  const auto it = node->params().find(std::string(name));
  if (it == node->params().end() || it->second.kind_case() != v1::Value::kIntValue)
    return std::nullopt;
  return it->second.int_value();
}

}  // namespace graphkiln::compiler
