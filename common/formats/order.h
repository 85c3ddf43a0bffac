// The nodes of a graph in an order that may run, for formats that are lists of calls. Pure.
#pragma once

#include <vector>

#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::formats {

/// Names of nodes and inputs that an argument refers to, with repetitions.
void References(const v1::Argument& argument, std::vector<const v1::Reference*>* out);

/// Indices of the nodes: each behind those it reads, else as they stand. Nodes of cycles come last,
/// as they stand.
std::vector<int> CallOrder(const v1::Graph& graph);

}  // namespace graphkiln::formats
