// Gives the errors of a compilation their fixes: proposals of the generators, tried and ranked. The
// effort does not grow with the number of errors. Called at the end of Compile.
#pragma once

#include <vector>

#include "common/compiler/node_types.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

// `types` of the graph's nodes in its order. The first `most` errors get fixes that were tried,
// best first; the others keep what their finder suggested.
void OfferFixes(const v1::Graph& graph, const NodeTypesList& types, int most,
                std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::compiler
