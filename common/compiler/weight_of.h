// WeightOf: a weight that another node has declared, as a value of its own. Called by the type
// pass; pure.
#pragma once

#include <string>

#include "common/compiler/compile.h"
#include "common/compiler/normalise.h"
#include "common/compiler/report.h"
#include "common/compiler/weight_keys.h"
#include "common/ir/module.h"

namespace graphkiln::compiler {

// Sets the instance's output, and whose weight it is; false after a diagnostic. `prefix` leads to
// the weights of the graph around.
bool ReadWeight(const NormalGraph& graph, const NormalNode& node, const std::string& prefix,
                WeightKeys& keys, ir::Module& module, const Report::Place& place,
                Instance& instance, Report& report);

}  // namespace graphkiln::compiler
