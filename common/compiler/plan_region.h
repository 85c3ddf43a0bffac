// A graph of one node alone: what `export` writes. Pure; any thread.
#pragma once

#include <optional>
#include <vector>

#include "common/compiler/compile.h"
#include "common/ir/module.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

// `node` of `graph`, which became `instance`, with an input for each tensor that reaches it, and
// its results as outputs. Its weights have the keys that they have in `graph`: a node that shares
// another's takes that one's id. Open sizes that are no plain symbol become symbols of their own.
v1::Graph RegionGraph(const v1::Graph& graph, const v1::Node& node, const Instance& instance,
                      const ir::Module& module);

// The same for a part of a composite or container: it stands inside of as many composites as in
// `graph`, so that its keys are the same. Nothing for a part that uses another node's weights, and
// for one that a container hands a tuple.
std::optional<v1::Graph> PartGraph(const v1::Graph& graph, const std::vector<Instance>& instances,
                                   int index, const ir::Module& module);

}  // namespace graphkiln::compiler
