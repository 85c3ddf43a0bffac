// What every fuzz target does with a graph: the whole compiler, costs, every generated text.
#pragma once

#include <string_view>

#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::fuzz {

// Compiles `graph`, checks what must hold of any result, estimates and emits. Ends the process on a
// broken promise.
void Whole(const v1::Graph& graph);

// The body of each target.
void GraphProto(std::string_view bytes);
void GraphText(std::string_view bytes);
// A file of another format (a name of common/formats/formats.h): read, written back, read again;
// then compiled with shapes for its inputs.
void Foreign(std::string_view format, std::string_view bytes);

}  // namespace graphkiln::fuzz
