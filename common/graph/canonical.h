// What makes two graphs the same: the canonical form and its hash. Pure; any thread.
#pragma once

#include <string>

#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::graph {

// The graph without what carries no meaning (layout, documentation, labels, unknown keys, its name,
// explicit defaults of modes), nodes ordered by id.
v1::Graph Canonical(const v1::Graph& graph);

// SHA-256 in hex of the canonical form's encoding. Equal for graphs that mean the same, on every
// machine and in every version of this program, and different for all others.
std::string ContentHash(const v1::Graph& graph);

}  // namespace graphkiln::graph
