// Checks one graph file again and again, for `kiln validate --watch`. Where one node was changed
// and there are errors, only what the change reaches is typed again; the answer is the same.
// Main thread.
#pragma once

#include <memory>

#include "clients/cli/graph_file.h"
#include "common/compiler/incremental.h"

namespace graphkiln::cli {

class Rechecker {
 public:
  /// As CompileGraph, the diagnostics of nodes in the order of the nodes.
  CompiledFile Check(GraphFile source);

 private:
  // Brings the incremental compiler to the graph; false where more than one node is different.
  bool Follow(const v1::Graph& graph);
  CompiledFile Incremental(GraphFile source) const;

  std::unique_ptr<compiler::IncrementalCompiler> incremental_;  // null before the first graph
};

}  // namespace graphkiln::cli
