// The plan: what becomes of each node by its compile mode, and the program that is left to run.
//
//   runtime    runs and learns
//   freeze     runs; its weights do not learn
//   constant   its weights become buffers of the same keys, and what does not depend on an input is
//              computed once
//   export     its weights are written out with a graph of it alone; here they do not learn
//
// A node without a mode has that of the composite around it. Dead code goes. The program computes
// what the whole graph computes. Called by the command line and by CompileService, after Compile.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/compiler/compile.h"
#include "common/ir/module.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

// A node, or a part of a composite, that was given a mode.
struct PlannedRegion {
  std::string name;  // the user's id; the path of what stands inside a composite
  std::string type;
  v1::CompileMode mode = v1::COMPILE_MODE_RUNTIME;
  std::vector<std::string> keys;  // state_dict keys of its weights, also those it shares
  int instance = -1;              // of the CompileResult
  // The node of the graph itself; -1 inside a composite. RegionGraph writes an exported one alone.
  int node = -1;
};

struct Plan {
  // Sorted by name.
  std::vector<std::string> frozen, constant, exported;
  // Of the graph's own nodes, sorted: those that run and learn; those on which no output depends;
  // those that stay (neither constant, exported nor dead).
  std::vector<std::string> runtime, dead, active;
  // Which active node reads which, in the order of the graph: (producer, consumer).
  std::vector<std::pair<std::string, std::string>> connections;
  size_t eliminated = 0;  // nodes that are not active

  std::vector<PlannedRegion> regions;  // in execution order
  ir::Module program;                  // what is left to run
  ir::Module folded;                   // gives the values of `folded_keys`; takes no input
  std::vector<std::string> folded_keys;
  std::vector<v1::Diagnostic> diagnostics;  // modes without an effect; not located
};

// `compiled` is the graph's own result and must be ok (kFailedPrecondition otherwise).
absl::StatusOr<Plan> MakePlan(const v1::Graph& graph, const CompileResult& compiled);

}  // namespace graphkiln::compiler
