// A graph of one node alone: what `export` writes. Pure; any thread.
#pragma once

#include "common/compiler/compile.h"
#include "common/ir/module.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

// `node` of `graph`, which became `instance`, with an input for each tensor that reaches it, and
// its results as outputs. Its weights have the keys that they have in `graph`: a node that shares
// another's takes that one's id. Open sizes that are no plain symbol become symbols of their own.
v1::Graph RegionGraph(const v1::Graph& graph, const v1::Node& node, const Instance& instance,
                      const ir::Module& module);

}  // namespace graphkiln::compiler
