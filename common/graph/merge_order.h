// The order of names after a merge. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "common/base/strings.h"

namespace graphkiln::graph {

struct MergedOrder {
  std::vector<std::string> names;
  bool conflict = false;  // both sides moved what they have in common, and differently
};

// Orders `kept` (names of either side): as the side that moved names has them (ours where none or
// both did); names of the other side alone stand behind the name that they stand behind there.
MergedOrder MergeOrder(const std::vector<std::string>& base, const std::vector<std::string>& ours,
                       const std::vector<std::string>& theirs, const StringSet& kept,
                       bool prefer_theirs);

}  // namespace graphkiln::graph
