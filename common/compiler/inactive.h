// Nodes that take no part: what leaves a bypassed node, what a muted one takes along, and how both
// leave no trace in the module. Called by the type pass; pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "common/compiler/compile.h"
#include "common/compiler/normalise.h"
#include "common/compiler/report.h"
#include "common/compiler/value_tree.h"
#include "common/compiler/weight_keys.h"
#include "common/ir/module.h"

namespace graphkiln::compiler {

// Bypassed and muted nodes are checked like any other; then all that they put into the module
// goes again.
struct Mark {
  size_t values, calls, parameters, sources, assumptions;
};
Mark MarkOf(const ir::Module& module);
void TakeBack(const Mark& mark, ir::Module& module, WeightKeys& keys);

// The value of a muted node, and of nodes that hang on it. `place` is the muted node's.
Tree Muted(const Report::Place& place);
// The first part of a value that is not there: kMuted or kWithheld; null where all is there.
const Tree* FindGap(const Tree& tree);

// What a node does where something at its port `p` is not there (`left_out`: what a variadic port
// has lost): an optional port stays empty, a node that joins values goes on with the rest or gives
// the only one left, any other one is muted, too; the last two set `instead`, the node's result.
// False after a diagnostic. `top` is the user's own graph.
bool FillGap(const NormalNode& node, size_t p, const Tree* left_out, const Report::Place& place,
             const NormalGraph& top, Tree& tree, std::optional<Tree>& instead, Report& report);

// What leaves the bypassed node: each output's place in `instance.output`, the node's own result,
// taken by an input. Nothing after a diagnostic; a hint where sizes change. `shares`: other nodes
// use this one's weights, or it uses theirs.
std::optional<Tree> Bypassed(const NormalGraph& graph, const NormalNode& node,
                             const Instance& instance, const Report::Place& place, bool shares,
                             const ir::Module& module, Report& report);

// An output of the graph asks a bypassed node for a value that has no counterpart among its inputs.
void ReportWithheld(const Tree& gap, const std::string& output, const NormalGraph& top,
                    Report& report);

// An output of the graph that hangs on a muted node: left out where another output stays.
void ReportMuted(const Tree& gap, const std::string& output, bool another, Report& report);

}  // namespace graphkiln::compiler
