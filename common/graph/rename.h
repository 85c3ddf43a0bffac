// Nodes that got another id. Called by the difference and the merge of graphs. Pure; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::graph {

// Pairs (old id, new id) of nodes that are most likely one: equal in all but the id, or of one type
// with equal inputs where nothing else fits. In the order of `from`. Linear.
std::vector<std::pair<std::string, std::string>> FindRenames(const v1::Graph& from,
                                                             const v1::Graph& to);

// Gives nodes other ids; references, shared modules and the layout follow.
void RenameNodes(const StringMap<std::string>& new_ids, v1::Graph* graph);

}  // namespace graphkiln::graph
