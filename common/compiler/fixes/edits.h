// The operations of fixes on a graph. Called by the search for fixes, by `kiln fix` and the RPC
// that repairs graphs, and by clients that apply a fix of their user's choice. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

// An input port of a node's type, whatever kind of type that is.
struct InputPort {
  std::string name;
  bool optional = false;
  bool variadic = false;
};
// Nothing where the type is unknown.
std::optional<std::vector<InputPort>> InputPorts(const v1::Graph& graph, const v1::Node& node);

// For each input of the node the port that it stands for, as the compiler counts them; -1 where
// there is none.
std::vector<int> PortsOfInputs(const std::vector<InputPort>& ports, const v1::Node& node);

// One value that arrives at a port. Lists at a port that takes several count item by item.
struct Arrival {
  int port = 0;
  int position = -1;  // in a port that takes several
  const v1::Argument* value = nullptr;
};
std::vector<Arrival> Arrivals(const std::vector<InputPort>& ports, const v1::Node& node);

// `inputs[1]` -> ("inputs", 1); without brackets the position is -1.
std::pair<std::string, int> SplitPort(std::string_view port);

// Applies all edits in order, or says which one is not possible; the graph is then half changed.
// Nodes that are added stand before the first node that they are connected to.
absl::Status ApplyFix(const v1::Fix& fix, v1::Graph* graph);

}  // namespace graphkiln::compiler
