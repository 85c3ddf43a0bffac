// Mends a graph by machine: takes the best fixes of its errors, compiles, and goes on until the
// graph is valid or nothing helps any more; then those of its warnings. Called by `kiln fix` and
// the RPC FixGraph. Pure; any thread. The effort is bounded.
#pragma once

#include <vector>

#include "common/compiler/compile.h"
#include "common/graph/source_map.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

struct RepairOptions {
  // Puts file, line and column of the graph as it was into what is reported.
  const graph::SourceMap* positions = nullptr;
};

struct Repair {
  v1::Graph graph;
  // What was mended, in order; the only fix of each is the one that was applied.
  std::vector<v1::Diagnostic> applied;
  // Of the graph after all fixes: what was found and the types, without the program.
  CompileResult result;
};

Repair RepairGraph(const v1::Graph& graph, const RepairOptions& options = {});

}  // namespace graphkiln::compiler
