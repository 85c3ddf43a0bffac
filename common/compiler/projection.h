// Layers that stand in for another one: from the type that reaches it to the type that it gives.
// Called for the fixes of bypassed nodes; pure.
#pragma once

#include <vector>

#include "common/ir/types.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

// Nodes with type and parameters, in a chain; empty where a handful of layers does not lead there.
std::vector<v1::Node> Projection(const ir::TensorType& from, const ir::TensorType& to);

}  // namespace graphkiln::compiler
