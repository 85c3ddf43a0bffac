// Writes graphs as VisDL graph JSON, with the config where the graph came with one. A graph that
// was read from such a file goes back as it was, in canonical form; what was changed since is
// written anew. Called by way of formats.h. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/compiler/compile.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::formats::visdl {

/// What the format cannot say is in `diagnostics`; nothing is returned where that is an error.
std::optional<std::string> WriteGraph(const v1::Graph& graph,
                                      const compiler::CompileResult* compiled,
                                      std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::formats::visdl
