// Three-way merge of graphs: what either side changed since the base. Called by the command line.
// Pure; any thread.
//
// Nodes are matched by id, and by FindRenames where an id changed. Fields of a node, its parameters
// and its named inputs, inputs, outputs, variables, composites, layout and labels are merged each
// by itself; only a field that both sides changed, and differently, is a conflict.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::graph {

enum class Side { kOurs, kTheirs };

struct MergeConflict {
  std::string node;   // empty: of the graph itself
  std::string field;  // `params.bias`, `in`, `id`, `inputs.x.shape`, ...
  std::string reason;
  std::string base, ours, theirs;  // JSON; empty: absent
};

struct Merged {
  v1::Graph graph;  // conflicts decided for the preferred side
  std::vector<MergeConflict> conflicts;
};

// Fails only where the merged text would be no graph.
absl::StatusOr<Merged> Merge(const v1::Graph& base, const v1::Graph& ours, const v1::Graph& theirs,
                             Side preferred = Side::kOurs);

}  // namespace graphkiln::graph
