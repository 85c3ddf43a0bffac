// Structural difference of two graphs, by node id. Layout and documentation do not count. Pure; any
// thread.
#pragma once

#include "graphkiln/v1/compile_service.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::graph {

// `changed` names the field (`type`, `in`, `params.bias`, `inputs.x`, `outputs.y`, `variables.w`)
// and both texts, in order of ids; fields of the graph itself have an empty node, `inputs.order`
// says that the same inputs stand in another order. A node with another id is added and removed,
// and `renamed` tells such pairs.
v1::DiffGraphsResponse Diff(const v1::Graph& left, const v1::Graph& right);

}  // namespace graphkiln::graph
