// Constant folding: calls whose results never change are taken out of a program and become a
// program of their own, which is run once; their results become buffers. Called by the plan. Pure;
// any thread.
#pragma once

#include <string>
#include <vector>

#include "common/ir/module.h"

namespace graphkiln::ir {

struct Folded {
  Module rest;    // what still runs; the folded values are buffers in it, with first value 0
  Module values;  // no inputs; one output for each folded value, named by its key
  std::vector<std::string> keys;
  std::vector<bool> calls;  // by call of the source: whether it was folded
};

// `allowed` (by call) says where folding is wanted. A call is folded where all it reads is fixed:
// weights that do not learn and that nothing changes in place, results of folded calls, no input,
// no open size, nothing that differs between training and evaluation, no random draw. Keys are the
// path of the node and `value`. The values do not depend on weights that learn. The module becomes
// what still runs: of a large one there is no third.
Folded Fold(Module module, const std::vector<bool>& allowed);

}  // namespace graphkiln::ir
