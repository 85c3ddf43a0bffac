// Worked examples of node types: typed by running the body, so that what the reference shows is
// what the compiler does.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ir/module.h"
#include "common/nodes/node_def.h"
#include "graphkiln/v1/node_registry_service.pb.h"

namespace graphkiln::nodes {

// `float32[2, B]`.
absl::StatusOr<ir::TensorType> ParseType(std::string_view text);

struct TypedExample {
  ir::Module module;  // inputs in the order of the example, outputs in the order of the ports
  Params params;
};
// Types the example of a node type. Not for types that pick (Get).
absl::StatusOr<TypedExample> TypeExample(const NodeDef& def);

// Fills in `operators`, `weights` and `example`.
void DescribeExample(const NodeDef& def, v1::NodeType* type);

}  // namespace graphkiln::nodes
