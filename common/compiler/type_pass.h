// Second pass: visits the nodes in order and instantiates each one's body against the types that
// reach it. The typed operator calls are the IR. A node whose inputs are unknown after an error
// stays unknown and says nothing more; all else is typed on.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/compiler/compile.h"
#include "common/compiler/normalise.h"
#include "common/compiler/report.h"
#include "common/compiler/shared_modules.h"
#include "common/compiler/values.h"
#include "common/compiler/weight_keys.h"

namespace graphkiln::compiler {

class CompositeLibrary;

struct Typed {
  ir::Module module;
  std::vector<Instance> instances;
  std::vector<Tree> inputs;   // by input of the user's graph
  std::vector<Tree> results;  // by node
  Values values;
  int64_t weights = 0;  // as kMostWeights counts
  // Containers, which the instances point into.
  std::vector<std::shared_ptr<const void>> keep_alive;
};

// `input_types` in the order of the graph's inputs, nothing where one is unknown; `budget` as in
// NormaliseArgs.
Typed TypeGraph(const NormalGraph& graph,
                const std::vector<std::optional<ir::TensorType>>& input_types,
                const CompositeLibrary& composites, Report& report, int64_t* budget);

// What nodes that share weights leave for each other while they are typed one after the other.
struct WeightTable {
  SharedModules modules;
  WeightKeys keys;  // of `parameters`
  std::vector<ir::Parameter> parameters;
};

// Types one node of the user's graph again and puts its result into `results`; those of its sources
// are values of `module`, which receives the values of this one and nothing else. `weights` is null
// for a node that shares none; `budget` as in NormaliseArgs.
struct TypedNode {
  size_t instances;  // that the node is, with all inside of it
  int64_t kept;      // what Values counted
  int64_t weights;   // as kMostWeights counts
};
TypedNode TypeNode(const NormalGraph& graph, int node, const std::vector<Tree>& inputs,
                   const CompositeLibrary& composites, WeightTable* weights,
                   std::vector<Tree>* results, ir::Module* module, Report& report, int64_t* budget);

}  // namespace graphkiln::compiler
