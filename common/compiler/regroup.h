// Composites taken apart and put together: a node is replaced by what it holds, or chosen nodes by
// a composite that holds them. Both give a graph that computes the same, and say which state_dict
// keys have other names in it. Called by `kiln unpack` and `kiln collapse`; pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

struct Regrouped {
  v1::Graph graph;
  // state_dict keys of before and after, where they differ, in the order of before.
  std::vector<std::pair<std::string, std::string>> keys;
  // What is not as it was, in a sentence each.
  std::vector<std::string> notes;
};

// Replaces the nodes `ids`, composites or containers, by their contents, together with all nodes
// that share their weights. Conditions and repetitions are decided, expressions evaluated. An id
// may be one that arises when another one of the list is taken apart. Refuses graphs with errors,
// and nodes that are no composites or take no part.
absl::StatusOr<Regrouped> Unpack(const v1::Graph& graph, absl::Span<const std::string> ids);

struct CollapseArgs {
  std::vector<std::string> nodes;  // ids
  std::string type;                // of the new composite
  std::string id;                  // of the node that takes their place
};

// Refuses nodes with a path between them through others, weights shared with others, and names
// that are taken. Variables of the graph become parameters of the composite.
absl::StatusOr<Regrouped> Collapse(const v1::Graph& graph, const CollapseArgs& args);

}  // namespace graphkiln::compiler
