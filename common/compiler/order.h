// The order in which the nodes of a graph run, and the nodes that nothing needs. Called by the
// normaliser; iterative, so that a chain of any length is fine.
#pragma once

#include "common/compiler/normalise.h"
#include "common/compiler/report.h"

namespace graphkiln::compiler {

// Fills in `order`: depth first, in the user's order. An edge that closes a cycle is reported and
// cut. `outer` as in NormaliseArgs.
void OrderNodes(const Report::Place& outer, NormalGraph& graph, Report& report);

// As if no reference of the node had been cut.
void Uncut(NormalNode& node);

// Warns of nodes whose result no output needs; muted ones are meant so.
void WarnUnused(const NormalGraph& graph, Report& report);

}  // namespace graphkiln::compiler
