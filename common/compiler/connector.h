// References become indices: what stands at the ports of nodes and at the outputs of a graph whose
// names are known; unknown names and ports and missing inputs are found. Called by the normaliser.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "common/compiler/normalise.h"
#include "common/compiler/report.h"

namespace graphkiln::compiler {

class Connector {
 public:
  // Names like a wrong one are looked for only for the first errors: all would be quadratic.
  static constexpr int kMostSuggestions = 100;

  // All must outlive it; `graph` has its nodes, without their inputs.
  Connector(const NormaliseArgs& args, const NameTable& names, NormalGraph& graph, Report& report)
      : args_(args), names_(names), graph_(graph), report_(report) {}

  // Of the node at that index.
  void Inputs(size_t i);
  void Outputs();

 private:
  // Where an argument stands: an output, or a port of a node.
  struct Spot {
    std::string_view output;
    const v1::Node* node;
    int port;
  };
  // What the ports of a node's type are called.
  struct Port {
    std::string_view name;  // of the definition
    bool optional, variadic;
  };
  using Ports = absl::InlinedVector<Port, 4>;

  static Ports PortsOf(const NormalNode& node);
  Report::Place PlaceOf(const std::string& id) const { return args_.outer.Inside(id); }
  void UnknownPort(NormalNode& node, const Report::Place& place, const std::string& found,
                   const Ports& ports);
  Arg Resolve(const v1::Argument& argument, const Spot& spot, int depth);
  v1::Diagnostic& Place(const Spot& spot, std::string_view code, std::string message);
  Arg Reference(const v1::Reference& reference, const Spot& spot);

  const NormaliseArgs& args_;
  const NameTable& names_;
  NormalGraph& graph_;
  Report& report_;
};

}  // namespace graphkiln::compiler
