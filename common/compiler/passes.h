// A compilation with what its passes leave behind, for who goes on from there: the incremental
// compiler. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/compiler/compile.h"
#include "common/compiler/normalise.h"
#include "common/compiler/value_tree.h"
#include "common/ir/module.h"

namespace graphkiln::compiler {

class CompositeLibrary;

struct Passed {
  NormalGraph normal;
  std::vector<Tree> results;      // by node; the values are those below
  std::vector<ir::Value> values;  // of the module, also where the graph has errors
  std::vector<Tree> inputs;       // by input of the graph
  // So many of the diagnostics are the first pass's; so many are not of the outputs' values.
  size_t normalise_findings = 0, node_findings = 0;
  // Of the graph; lives as long as the result's keep_alive.
  const CompositeLibrary* composites = nullptr;
  int64_t expandable = 0;  // what is left of CompileOptions::most_expanded
  int64_t kept = 0;        // what Values counted
  size_t instances = 0;    // of the whole graph
  int64_t weights = 0;     // likewise, as kMostWeights counts
  int64_t sizes = 0;       // ir::Module::sizes
  bool complete = false;   // both passes ran
};

// What a node of the user's graph gives.
NodeTypes TypesOf(const NormalNode& node, const Tree& result, const ir::Module& module);

// The result comes without instances and module.
CompileResult CompileKeeping(const v1::Graph& graph, const CompileOptions& options, Passed* passed);

}  // namespace graphkiln::compiler
