// Second pass: visits the nodes in order and instantiates each one's body against the types that
// reach it. The typed operator calls are the IR. A node whose inputs are unknown after an error
// stays unknown and says nothing more; all else is typed on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/compiler/compile.h"
#include "common/compiler/normalise.h"
#include "common/compiler/report.h"

namespace graphkiln::compiler {

class CompositeLibrary;

struct Typed {
  ir::Module module;
  std::vector<Instance> instances;
  std::vector<Tree> results;  // by node of the user's graph
  std::vector<std::pair<std::string, Tree>> outputs;
  // Expanded composites, which the instances point into.
  std::vector<std::shared_ptr<const void>> keep_alive;
};

// `input_types` in the order of the graph's inputs; `budget` as in NormaliseArgs.
Typed TypeGraph(const NormalGraph& graph, const std::vector<ir::TensorType>& input_types,
                const CompositeLibrary& composites, Report& report, int64_t* budget);

}  // namespace graphkiln::compiler
