// The node types `aten.*`: every operator of the table as a node whose body is itself.
//
// Derived from the operators' schemas: tensors are ports, all other arguments parameters of the
// same names. Graphs of ATen calls (pytorch-ir, `.pt2`) are graphs like any other by them. Called
// once by the registry; the answers never change.
#pragma once

#include <string_view>
#include <vector>

#include "common/nodes/node_def.h"

namespace graphkiln::nodes {

// `aten.add.Tensor`, and what might be meant by such.
bool IsOperatorName(std::string_view type);
// True for an argument such as dropout's `train`: null, its default, stands for the mode of the
// run.
bool FollowsMode(const ir::SchemaArg& arg);
// One per operator that gives tensors, ordered by name. Operators that give a number are parts of
// other nodes' bodies only: a graph's edges carry tensors.
const std::vector<NodeDef>& DeriveOperatorNodes();

}  // namespace graphkiln::nodes
