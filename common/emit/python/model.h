// The `python` target: one file with one nn.Module for the graph and one class for each composite
// that differs.
//
// Sizes are written out, so all parameters exist before the first forward and state_dict keys equal
// the IR's. Nodes stand in the order of execution; equal instances of a composite share a class.
// Pure; any thread.
#pragma once

#include <string>

#include "common/compiler/compile.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::emit::python {

// REQUIRES: compiled.ok, and `compiled` stems from `graph`.
std::string ModelText(const v1::Graph& graph, const compiler::CompileResult& compiled);

}  // namespace graphkiln::emit::python
