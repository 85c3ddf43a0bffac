// What a graph gives: its outputs, once its nodes are typed. Called by the type pass's callers;
// pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/compiler/report.h"
#include "common/compiler/value_tree.h"
#include "common/compiler/values.h"
#include "common/ir/module.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

using GraphOutputs = std::vector<std::pair<std::string, Tree>>;

// Their values, without those that hang on muted nodes. `values` goes on counting.
GraphOutputs TypeOutputs(const Values::Scope& scope, Values& values, Report& report);

// How the graph returns them, where it does not say: one as it is, several as a dict.
v1::OutputForm FormOf(const v1::Graph& graph);

// Every output holds a tensor, and the form suits their number. Returns their tensors, named.
std::vector<ir::Output> CheckOutputs(const v1::Graph& graph, const GraphOutputs& outputs,
                                     Report& report);

}  // namespace graphkiln::compiler
