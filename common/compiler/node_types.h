// What the nodes of a graph give: made by the compiler, read by whoever shows types. As a message
// only where one is sent.
#pragma once

#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "common/ir/types.h"
#include "graphkiln/v1/compile_service.pb.h"

namespace graphkiln::compiler {

struct NodeTypes {
  std::string id;
  std::string type;
  // Of the tensors in the result, in order; none where the result is unknown.
  absl::InlinedVector<ir::TensorType, 1> outputs;

  friend bool operator==(const NodeTypes& a, const NodeTypes& b) {
    return a.id == b.id && a.type == b.type && a.outputs == b.outputs;
  }
  friend bool operator!=(const NodeTypes& a, const NodeTypes& b) { return !(a == b); }
};
using NodeTypesList = std::vector<NodeTypes>;

inline v1::NodeTypes ToProto(const NodeTypes& node) {
  v1::NodeTypes out;
  out.set_id(node.id);
  out.set_type(node.type);
  for (const ir::TensorType& type : node.outputs) ir::ToProto(type, out.add_outputs());
  return out;
}

}  // namespace graphkiln::compiler
