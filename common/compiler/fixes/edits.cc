#include "common/compiler/fixes/edits.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/compiler/composite.h"
#include "common/compiler/container.h"
#include "common/graph/references.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

using Inputs = google::protobuf::RepeatedPtrField<v1::NodeInput>;

// Arguments nest at most 64 levels, as the readers make sure; deeper parts stay as they are.

absl::Status NotThere(std::string_view what, std::string_view name) {
  return absl::InvalidArgumentError(
      fmt::format("the fix names {} {}, which is not there", what, QuoteForMessage(name)));
}

int IndexOf(const v1::Graph& graph, std::string_view id) {
  // The last of several: the first one keeps the references.
  for (int i = graph.nodes_size() - 1; i >= 0; --i) {
    if (graph.nodes(i).id() == id) return i;
  }
  return -1;
}

bool Taken(const v1::Graph& graph, std::string_view id) {
  return IndexOf(graph, id) >= 0 ||
         std::any_of(graph.inputs().begin(), graph.inputs().end(),
                     [&](const v1::GraphInput& input) { return input.name() == id; });
}

// Positional inputs get the names of their ports, so that one can go without moving the others.
void NamePorts(const std::vector<InputPort>& ports, v1::Node& node) {
  const std::vector<int> at = PortsOfInputs(ports, node);
  Inputs named;
  std::vector<int> slot(ports.size(), -1);
  for (int i = 0; i < node.inputs_size(); ++i) {
    const int port = at[static_cast<size_t>(i)];
    if (port < 0) {
      *named.Add() = node.inputs(i);
      continue;
    }
    const InputPort& spec = ports[static_cast<size_t>(port)];
    if (!spec.variadic) {
      v1::NodeInput& input = *named.Add();
      input.set_port(spec.name);
      *input.mutable_value() = node.inputs(i).value();
      continue;
    }
    int& place = slot[static_cast<size_t>(port)];
    if (place < 0) {
      place = named.size();
      v1::NodeInput& input = *named.Add();
      input.set_port(spec.name);
      input.mutable_value()->mutable_list();
    }
    v1::ArgumentList& list = *named.Mutable(place)->mutable_value()->mutable_list();
    const v1::Argument& value = node.inputs(i).value();
    if (value.has_list()) {
      for (const v1::Argument& item : value.list().items()) *list.add_items() = item;
    } else {
      *list.add_items() = value;
    }
  }
  node.mutable_inputs()->Swap(&named);
}

// A lone port or positions throughout read better without names; `ports` are the type's.
void Unname(const std::vector<InputPort>& ports, v1::Node& node) {
  if (static_cast<size_t>(node.inputs_size()) > ports.size()) return;
  for (int i = 0; i < node.inputs_size(); ++i) {
    const v1::NodeInput& input = node.inputs(i);
    const InputPort& port = ports[static_cast<size_t>(i)];
    if (input.port() != port.name || (port.variadic && ports.size() > 1)) return;
    if (!port.variadic && input.value().has_list()) return;
  }
  for (v1::NodeInput& input : *node.mutable_inputs()) input.clear_port();
  if (ports.size() != 1 || !ports[0].variadic || node.inputs_size() != 1) return;
  // `in: [a, b]`
  v1::ArgumentList list = node.inputs(0).value().list();
  node.clear_inputs();
  for (v1::Argument& item : *list.mutable_items()) *node.add_inputs()->mutable_value() = item;
}

bool Positional(const v1::Node& node) {
  return std::all_of(node.inputs().begin(), node.inputs().end(),
                     [](const v1::NodeInput& input) { return input.port().empty(); });
}

// Changes what stands at one port of a node: `change` gets the port's input (its value is a list
// where the port takes several) and says whether the input stays.
absl::Status ChangePort(v1::Graph& graph, std::string_view id, const std::string& port,
                        const std::function<bool(const InputPort&, v1::NodeInput&)>& change) {
  const int index = IndexOf(graph, id);
  if (index < 0) return NotThere("the node", id);
  v1::Node& node = *graph.mutable_nodes(index);
  const auto ports = InputPorts(graph, node);
  const bool positional = Positional(node);
  InputPort spec{port, false, false};
  if (ports) {
    NamePorts(*ports, node);
    for (const InputPort& known : *ports) {
      if (known.name == port) spec = known;
    }
  }
  int at = -1;
  for (int i = 0; i < node.inputs_size(); ++i) {
    if (node.inputs(i).port() == port) at = i;
  }
  if (at < 0) {
    at = node.inputs_size();
    node.add_inputs()->set_port(port);
    if (spec.variadic) node.mutable_inputs(at)->mutable_value()->mutable_list();
  }
  if (!change(spec, *node.mutable_inputs(at))) node.mutable_inputs()->DeleteSubrange(at, 1);
  if (ports && positional) Unname(*ports, node);
  return absl::OkStatus();
}

absl::Status Apply(const v1::Connect& edit, v1::Graph& graph) {
  v1::Argument source;
  *source.mutable_reference() = edit.source();
  if (edit.node().empty()) {
    for (v1::GraphOutput& output : *graph.mutable_outputs()) {
      if (output.name() != edit.port()) continue;
      *output.mutable_value() = source;
      return absl::OkStatus();
    }
    v1::GraphOutput& output = *graph.add_outputs();
    output.set_name(edit.port());
    *output.mutable_value() = source;
    return absl::OkStatus();
  }
  bool possible = true;
  RETURN_IF_ERROR(
      ChangePort(graph, edit.node(), edit.port(), [&](const InputPort& port, v1::NodeInput& input) {
        if (!port.variadic) {
          *input.mutable_value() = source;
          return true;
        }
        v1::ArgumentList& list = *input.mutable_value()->mutable_list();
        if (!edit.has_position()) list.clear_items();
        const int at = edit.has_position() ? edit.position() : 0;
        possible = at >= 0 && at <= list.items_size();
        if (!possible) return true;
        *(at < list.items_size() ? list.mutable_items(at) : list.add_items()) = source;
        return true;
      }));
  return possible ? absl::OkStatus() : NotThere("the position at port", edit.port());
}

absl::Status Apply(const v1::Disconnect& edit, v1::Graph& graph) {
  bool possible = true;
  RETURN_IF_ERROR(
      ChangePort(graph, edit.node(), edit.port(), [&](const InputPort& port, v1::NodeInput& input) {
        if (!port.variadic || !edit.has_position()) return false;
        v1::ArgumentList& list = *input.mutable_value()->mutable_list();
        possible = edit.position() >= 0 && edit.position() < list.items_size();
        if (possible) list.mutable_items()->DeleteSubrange(edit.position(), 1);
        return list.items_size() > 0;
      }));
  return possible ? absl::OkStatus() : NotThere("the position at port", edit.port());
}

absl::Status Remove(const std::string& id, v1::Graph& graph) {
  const int index = IndexOf(graph, id);
  if (index < 0) return NotThere("the node", id);
  graph.mutable_nodes()->DeleteSubrange(index, 1);
  if (Taken(graph, id)) return absl::OkStatus();  // another of that name keeps the edges
  for (v1::Node& node : *graph.mutable_nodes()) {
    bool any = false;
    for (const v1::NodeInput& input : node.inputs()) any |= graph::Mentions(input.value(), id);
    if (!any) continue;
    const auto ports = InputPorts(graph, node);
    const bool positional = Positional(node);
    if (ports) NamePorts(*ports, node);
    Inputs kept;
    for (v1::NodeInput& input : *node.mutable_inputs()) {
      if (input.value().has_list()) {
        v1::ArgumentList list;
        for (const v1::Argument& item : input.value().list().items()) {
          if (!graph::Mentions(item, id)) *list.add_items() = item;
        }
        if (list.items_size() == 0) continue;
        *input.mutable_value()->mutable_list() = std::move(list);
      } else if (graph::Mentions(input.value(), id)) {
        continue;
      }
      *kept.Add() = std::move(input);
    }
    node.mutable_inputs()->Swap(&kept);
    if (ports && positional) Unname(*ports, node);
  }
  for (int i = graph.outputs_size() - 1; i >= 0; --i) {
    if (graph::Mentions(graph.outputs(i).value(), id))
      graph.mutable_outputs()->DeleteSubrange(i, 1);
  }
  return absl::OkStatus();
}

absl::Status Rename(const v1::RenameNode& edit, v1::Graph& graph) {
  const int index = IndexOf(graph, edit.node());
  if (index < 0) return NotThere("the node", edit.node());
  if (Taken(graph, edit.new_id())) {
    return absl::InvalidArgumentError(
        fmt::format("the fix gives the id {} twice", QuoteForMessage(edit.new_id())));
  }
  graph.mutable_nodes(index)->set_id(edit.new_id());
  // Where another one bears the old name still, references mean that one.
  if (Taken(graph, edit.node())) return absl::OkStatus();
  const auto follow = [&](v1::Reference& reference) {
    if (reference.node() == edit.node()) reference.set_node(edit.new_id());
  };
  for (v1::Node& node : *graph.mutable_nodes()) {
    for (v1::NodeInput& input : *node.mutable_inputs())
      graph::RewriteReferences(*input.mutable_value(), follow);
    if (node.module() == edit.node()) node.set_module(edit.new_id());
  }
  for (v1::GraphOutput& output : *graph.mutable_outputs())
    graph::RewriteReferences(*output.mutable_value(), follow);
  const auto view = graph.view().nodes().find(edit.node());
  if (view != graph.view().nodes().end()) {
    const v1::NodeView place = view->second;
    auto& views = *graph.mutable_view()->mutable_nodes();
    views[edit.new_id()] = place;
    views.erase(edit.node());
  }
  return absl::OkStatus();
}

absl::Status Apply(const v1::GraphInput& input, v1::Graph& graph) {
  for (v1::GraphInput& known : *graph.mutable_inputs()) {
    if (known.name() != input.name()) continue;
    *known.mutable_spec() = input.spec();
    known.clear_shape_known();
    return absl::OkStatus();
  }
  if (Taken(graph, input.name())) {
    return absl::InvalidArgumentError(
        fmt::format("the fix gives the id {} twice", QuoteForMessage(input.name())));
  }
  *graph.add_inputs() = input;
  return absl::OkStatus();
}

absl::Status Apply(const v1::Edit& edit, v1::Graph& graph) {
  const auto node = [&](const std::string& id) -> v1::Node* {
    const int index = IndexOf(graph, id);
    return index < 0 ? nullptr : graph.mutable_nodes(index);
  };
  switch (edit.op_case()) {
    case v1::Edit::kAddNode:
      // One that is there is replaced; references mean the new one.
      if (v1::Node* found = node(edit.add_node().node().id())) {
        *found = edit.add_node().node();
        return absl::OkStatus();
      }
      if (Taken(graph, edit.add_node().node().id())) {
        return absl::InvalidArgumentError(fmt::format(
            "the fix gives the id {} twice", QuoteForMessage(edit.add_node().node().id())));
      }
      *graph.add_nodes() = edit.add_node().node();
      return absl::OkStatus();
    case v1::Edit::kRemoveNode:
      return Remove(edit.remove_node().node(), graph);
    case v1::Edit::kSetParam:
      if (v1::Node* found = node(edit.set_param().node())) {
        (*found->mutable_params())[edit.set_param().param()] = edit.set_param().value();
        return absl::OkStatus();
      }
      return NotThere("the node", edit.set_param().node());
    case v1::Edit::kUnsetParam:
      if (v1::Node* found = node(edit.unset_param().node())) {
        found->mutable_params()->erase(edit.unset_param().param());
        return absl::OkStatus();
      }
      return NotThere("the node", edit.unset_param().node());
    case v1::Edit::kRenameNode:
      return Rename(edit.rename_node(), graph);
    case v1::Edit::kConnect:
      return Apply(edit.connect(), graph);
    case v1::Edit::kDisconnect:
      return Apply(edit.disconnect(), graph);
    case v1::Edit::kSetType:
      if (v1::Node* found = node(edit.set_type().node())) {
        found->set_type(edit.set_type().type());
        return absl::OkStatus();
      }
      return NotThere("the node", edit.set_type().node());
    case v1::Edit::kSetInput:
      return Apply(edit.set_input().input(), graph);
    case v1::Edit::OP_NOT_SET:
      break;
  }
  return absl::UnimplementedError("an edit of a newer version");
}

// People read a graph from top to bottom.
void PlaceAdded(const v1::Fix& fix, v1::Graph& graph) {
  for (int e = fix.edits_size() - 1; e >= 0; --e) {
    if (!fix.edits(e).has_add_node()) continue;
    const std::string& id = fix.edits(e).add_node().node().id();
    int at = IndexOf(graph, id);
    int first = at;
    for (int i = 0; i < at; ++i) {
      for (const v1::NodeInput& input : graph.nodes(i).inputs()) {
        if (graph::Mentions(input.value(), id)) first = std::min(first, i);
      }
      if (first < at) break;
    }
    for (; at > first; --at) graph.mutable_nodes()->SwapElements(at, at - 1);
  }
}

}  // namespace

std::optional<std::vector<InputPort>> InputPorts(const v1::Graph& graph, const v1::Node& node) {
  std::vector<InputPort> ports;
  const auto of_composite = [&](const v1::Composite& composite) {
    for (const v1::CompositePort& port : composite.inputs())
      ports.push_back({port.name(), port.optional(), false});
    return ports;
  };
  for (const v1::Composite& composite : graph.composites()) {
    if (composite.name() == node.type()) return of_composite(composite);
  }
  if (const nodes::NodeDef* def = nodes::FindNode(node.type())) {
    for (const nodes::PortSpec& port : def->inputs)
      ports.push_back({port.name, port.optional, port.variadic});
    return ports;
  }
  for (const v1::Composite& composite : BuiltInComposites()) {
    if (composite.name() == node.type()) return of_composite(composite);
  }
  if (IsContainer(node.type())) return std::vector<InputPort>{{"input", false, false}};
  return std::nullopt;
}

std::vector<int> PortsOfInputs(const std::vector<InputPort>& ports, const v1::Node& node) {
  std::vector<int> out;
  std::vector<bool> named(ports.size(), false);
  size_t next = 0;
  for (const v1::NodeInput& input : node.inputs()) {
    int port = -1;
    if (input.port().empty()) {
      while (next < ports.size() && named[next]) ++next;
      if (next < ports.size()) {
        port = static_cast<int>(next);
        if (!ports[next].variadic) ++next;
      }
    } else {
      for (size_t p = 0; p < ports.size(); ++p) {
        if (ports[p].name == input.port()) port = static_cast<int>(p);
      }
      if (port >= 0) named[static_cast<size_t>(port)] = true;
    }
    out.push_back(port);
  }
  return out;
}

std::vector<Arrival> Arrivals(const std::vector<InputPort>& ports, const v1::Node& node) {
  const std::vector<int> at = PortsOfInputs(ports, node);
  std::vector<int> counts(ports.size(), 0);
  std::vector<Arrival> out;
  for (int i = 0; i < node.inputs_size(); ++i) {
    const int port = at[static_cast<size_t>(i)];
    if (port < 0) continue;
    const v1::Argument& value = node.inputs(i).value();
    if (!ports[static_cast<size_t>(port)].variadic) {
      out.push_back({port, -1, &value});
    } else if (value.has_list()) {
      for (const v1::Argument& item : value.list().items())
        out.push_back({port, counts[static_cast<size_t>(port)]++, &item});
    } else {
      out.push_back({port, counts[static_cast<size_t>(port)]++, &value});
    }
  }
  return out;
}

std::pair<std::string, int> SplitPort(std::string_view port) {
  const size_t bracket = port.find('[');
  if (bracket == std::string_view::npos || !port.ends_with("]")) return {std::string(port), -1};
  int position = -1;
  std::from_chars(port.data() + bracket + 1, port.data() + port.size() - 1, position);
  return {std::string(port.substr(0, bracket)), position};
}

absl::Status ApplyFix(const v1::Fix& fix, v1::Graph* graph) {
  for (const v1::Edit& edit : fix.edits()) RETURN_IF_ERROR(Apply(edit, *graph));
  PlaceAdded(fix, *graph);
  return absl::OkStatus();
}

}  // namespace graphkiln::compiler
