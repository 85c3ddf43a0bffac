#include "common/compiler/connector.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/nodes/node_def.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Comparing many wrong names with many right ones would be quadratic for a hostile graph.
constexpr size_t kMostNames = 2000;

}  // namespace

Connector::Ports Connector::PortsOf(const NormalNode& node) {
  Ports ports;
  if (node.def != nullptr) {
    for (const nodes::PortSpec& port : node.def->inputs)
      ports.push_back({port.name, port.optional, port.variadic});
  } else if (node.composite != nullptr) {
    for (const v1::CompositePort& port : node.composite->inputs())
      ports.push_back({port.name(), port.optional(), false});
  }
  return ports;
}

void Connector::Inputs(size_t i) {
  NormalNode& node = graph_.nodes[i];
  const v1::Node& source = *args_.nodes[i];
  const Report::Place place = PlaceOf(node.id);
  const Ports ports = PortsOf(node);
  const bool known = node.def != nullptr || node.composite != nullptr;
  node.inputs.resize(ports.size());
  absl::InlinedVector<bool, 8> named(ports.size(), false);
  size_t next = 0;
  for (const v1::NodeInput& input : source.inputs()) {
    int port = -1;
    if (!known) {
      // The references are still checked.
      Resolve(input.value(), {"", &source, -1}, 0);
      continue;
    }
    if (input.port().empty()) {
      while (next < ports.size() && named[next]) ++next;
      if (next < ports.size()) port = static_cast<int>(next);
      if (port < 0) {
        v1::Diagnostic& diagnostic =
            report_.ErrorAt(place, "ARITY", fmt::format("{} takes fewer inputs", node.type));
        diagnostic.set_expected(fmt::format("at most {}", ports.size()));
        diagnostic.set_found(fmt::format("{}", source.inputs_size()));
        node.broken = true;
        break;
      }
      if (!ports[next].variadic) ++next;
    } else {
      for (size_t p = 0; p < ports.size(); ++p) {
        if (ports[p].name == input.port()) port = static_cast<int>(p);
      }
      if (port < 0) {
        UnknownPort(node, place, input.port(), ports);
        continue;
      }
      if (!node.inputs[static_cast<size_t>(port)].empty()) {
        report_
            .ErrorAt(place, "ARITY",
                     fmt::format("port {} is connected twice", QuoteForMessage(input.port())))
            .set_port(input.port());
        node.broken = true;
        continue;
      }
      named[static_cast<size_t>(port)] = true;
    }
    Arg arg = Resolve(input.value(), {"", &source, port}, 0);
    PortArgs& slot = node.inputs[static_cast<size_t>(port)];
    if (arg.kind == Arg::Kind::kLiteral && arg.literal.kind_case() == v1::Value::kNullValue)
      continue;  // as if absent
    if (ports[static_cast<size_t>(port)].variadic && arg.kind == Arg::Kind::kList) {
      for (Arg& item : arg.items) slot.push_back(std::move(item));
    } else {
      slot.push_back(std::move(arg));
    }
  }
  for (size_t p = 0; p < ports.size(); ++p) {
    if (!node.inputs[p].empty() || ports[p].optional || node.broken) continue;
    v1::Diagnostic& diagnostic = report_.ErrorAt(
        place, "MISSING_INPUT", fmt::format("nothing is connected to {}", ports[p].name));
    diagnostic.set_port(std::string(ports[p].name));
    diagnostic.set_expected("a node or an input of the graph");
    node.broken = true;
  }
}

void Connector::UnknownPort(NormalNode& node, const Report::Place& place, const std::string& found,
                            const Ports& ports) {
  std::string expected;
  for (const Port& port : ports)
    expected += fmt::format("{}{}", expected.empty() ? "" : ", ", port.name);
  v1::Diagnostic& diagnostic =
      report_.ErrorAt(place, "UNKNOWN_PORT",
                      fmt::format("{} has no input port {}", node.type, QuoteForMessage(found)));
  diagnostic.set_port(found.substr(0, 200));
  diagnostic.set_expected(expected);
  diagnostic.set_found(found.substr(0, 200));
  node.broken = true;
}

Arg Connector::Resolve(const v1::Argument& argument, const Spot& spot, int depth) {
  Arg arg;
  if (depth > 64) {
    Place(spot, "LIMIT", "arguments nest at most 64 levels");
    return arg;
  }
  switch (argument.kind_case()) {
    case v1::Argument::kReference:
      return Reference(argument.reference(), spot);
    case v1::Argument::kList:
      arg.kind = Arg::Kind::kList;
      for (const v1::Argument& item : argument.list().items())
        arg.items.push_back(Resolve(item, spot, depth + 1));
      return arg;
    case v1::Argument::kMap:
      arg.kind = Arg::Kind::kMap;
      for (const v1::ArgumentEntry& entry : argument.map().entries()) {
        arg.items.push_back(Resolve(entry.value(), spot, depth + 1));
        arg.names.push_back(entry.name());
      }
      return arg;
    case v1::Argument::kLiteral:
      arg.kind = Arg::Kind::kLiteral;
      arg.literal = argument.literal();
      return arg;
    case v1::Argument::KIND_NOT_SET:
      break;
  }
  Place(spot, "MISSING_INPUT", "an argument is empty");
  return arg;
}

v1::Diagnostic& Connector::Place(const Spot& spot, std::string_view code, std::string message) {
  if (spot.node == nullptr) {
    v1::Diagnostic& diagnostic = args_.outer.node.empty()
                                     ? report_.Error(code, std::move(message))
                                     : report_.ErrorAt(args_.outer, code, std::move(message));
    if (args_.outer.node.empty()) diagnostic.set_path(fmt::format("outputs.{}", spot.output));
    return diagnostic;
  }
  v1::Diagnostic& diagnostic = report_.ErrorAt(PlaceOf(spot.node->id()), code, std::move(message));
  const auto it = names_.nodes.find(spot.node->id());
  if (spot.port >= 0 && it != names_.nodes.end()) {
    const Ports ports = PortsOf(graph_.nodes[static_cast<size_t>(it->second)]);
    if (static_cast<size_t>(spot.port) < ports.size())
      diagnostic.set_port(std::string(ports[static_cast<size_t>(spot.port)].name));
  }
  return diagnostic;
}

Arg Connector::Reference(const v1::Reference& reference, const Spot& spot) {
  Arg arg;
  if (const auto it = names_.inputs.find(reference.node());
      it != names_.inputs.end() && reference.port().empty()) {
    arg.kind = Arg::Kind::kInput;
    arg.index = it->second;
    return arg;
  }
  const auto it = names_.nodes.find(reference.node());
  if (it == names_.nodes.end()) {
    v1::Diagnostic& diagnostic =
        Place(spot, "UNKNOWN_REFERENCE",
              fmt::format("there is no node or input {}", QuoteForMessage(reference.node())));
    diagnostic.set_found(reference.node().substr(0, 200));
    if (graph_.nodes.size() > kMostNames || report_.errors() > kMostSuggestions) return arg;
    std::vector<std::string> names = graph_.inputs;
    for (const NormalNode& node : graph_.nodes) names.push_back(node.id);
    const auto near = NearestName(reference.node(), names);
    if (!near || (spot.node != nullptr && *near == spot.node->id())) return arg;
    diagnostic.set_expected(*near);
    if (!args_.outer.node.empty()) return arg;
    v1::Fix* fix = diagnostic.add_fixes();
    fix->set_description(fmt::format("connect {} instead", *near));
    v1::Connect* edit = fix->add_edits()->mutable_connect();
    edit->mutable_source()->set_node(*near);
    if (spot.node != nullptr) edit->set_node(spot.node->id());
    edit->set_port(spot.node != nullptr ? diagnostic.port() : std::string(spot.output));
    return arg;
  }
  arg.kind = Arg::Kind::kNode;
  arg.index = it->second;
  if (reference.port().empty()) return arg;
  const NormalNode& node = graph_.nodes[static_cast<size_t>(it->second)];
  absl::InlinedVector<std::string_view, 4> ports;
  if (node.def != nullptr) {
    for (const nodes::OutputSpec& port : node.def->outputs) ports.push_back(port.name);
  } else if (node.composite != nullptr) {
    for (const v1::GraphOutput& port : node.composite->outputs()) ports.push_back(port.name());
  } else {
    return Arg();  // its type is unknown, which is reported at the node
  }
  const auto port = std::find(ports.begin(), ports.end(), reference.port());
  if (port != ports.end()) {
    arg.port = static_cast<int>(port - ports.begin());
    return arg;
  }
  v1::Diagnostic& diagnostic =
      Place(spot, "UNKNOWN_PORT",
            fmt::format("{} ({}) has no output {}", QuoteForMessage(reference.node()), node.type,
                        QuoteForMessage(reference.port())));
  diagnostic.set_found(reference.port().substr(0, 200));
  std::string expected;
  for (const std::string_view name : ports)
    expected += fmt::format("{}{}", expected.empty() ? "" : ", ", name);
  diagnostic.set_expected(expected);
  return Arg();
}

void Connector::Outputs() {
  for (const v1::GraphOutput* output : args_.outputs) {
    graph_.outputs.emplace_back(output->name(),
                                Resolve(output->value(), {output->name(), nullptr, 0}, 0));
  }
}

}  // namespace graphkiln::compiler
