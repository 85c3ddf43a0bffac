// Dead-code elimination. Called by the plan. Pure; any thread.
#pragma once

#include <vector>

#include "common/ir/module.h"

namespace graphkiln::ir {

// Which calls an output depends on, by index. A call that changes a buffer in place (running
// statistics) counts as long as a call that counts reads that buffer.
std::vector<bool> LiveCalls(const Module& module);

// Removes the calls that no output depends on, and parameters that no call reads. Inputs stay: they
// are the forward's arguments.
void Prune(Module& module);

}  // namespace graphkiln::ir
