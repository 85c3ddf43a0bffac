// Containers: nodes that hold other nodes, whose keys are torch.nn's (`0`, `1`, ... or names).
//
//   Sequential   each child takes what the one before gives
//   ModuleList   each child takes the container's input; the result holds one port per child
//   ModuleDict   the same
//
// A container is a composite that is written in place: the normaliser turns it into one. Pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/compiler/expression.h"
#include "graphkiln/v1/graph.pb.h"
#include "graphkiln/v1/node_registry_service.pb.h"

namespace graphkiln::compiler {

bool IsContainer(std::string_view type);
std::vector<std::string> ContainerNames();

// What clients get, in the form of all other node types; the category is `container`.
v1::NodeType DescribeContainer(std::string_view type);

// Decides conditions, writes out repetitions and evaluates types, keys and parameters of all that
// the node holds, on every level. Doing it twice changes nothing. Every node is taken from
// `budget`, what all composites of the graph may become together, unless that is null.
absl::Status EvaluateChildren(const ExpressionScope& scope, v1::Node* node, int64_t* budget);

// The composite that an evaluated container stands for.
absl::StatusOr<std::shared_ptr<const v1::Composite>> ContainerComposite(const v1::Node& node);

}  // namespace graphkiln::compiler
