// WeightOf: a weight that another node has declared, as a value of its own. Called by the type
// pass; pure.
#pragma once

#include <string>

#include "common/base/strings.h"
#include "common/compiler/compile.h"
#include "common/compiler/normalise.h"
#include "common/compiler/report.h"
#include "common/ir/module.h"

namespace graphkiln::compiler {

// Sets the instance's output, and whose weight it is; false after a diagnostic. `prefix` leads to
// the weights of the graph around, `keys` from state_dict keys to parameters.
bool ReadWeight(const NormalGraph& graph, const NormalNode& node, const std::string& prefix,
                const StringMap<int>& keys, const ir::Module& module, const Report::Place& place,
                Instance& instance, Report& report);

}  // namespace graphkiln::compiler
