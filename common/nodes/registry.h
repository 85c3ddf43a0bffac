// The node registry: all node types. Built once, then read-only; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/nodes/node_def.h"
#include "graphkiln/v1/node_registry_service.pb.h"

namespace graphkiln::nodes {

// By name or by the name of a lazy module; null where unknown.
const NodeDef* FindNode(std::string_view type);
// All types but `aten.*`, ordered by name.
const std::vector<const NodeDef*>& AllNodes();
// The types `aten.*`, one for each operator that gives tensors, ordered by name.
const std::vector<const NodeDef*>& OperatorNodes();
// Names to choose the nearest from: of the operators where `like` is one of theirs,
// lazy names included otherwise.
std::vector<std::string> NodeNames(std::string_view like = "");
// Types of one category, ordered by name (`loss`, ...).
std::vector<const NodeDef*> NodesOf(std::string_view category);
// What clients get; operators and weights are found by typing the example.
v1::NodeType Describe(const NodeDef& def);
// Changes when any description changes; clients cache by it.
const std::string& RegistryVersion();

}  // namespace graphkiln::nodes
