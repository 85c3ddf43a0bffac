// Writes graphs as TorchArc YAML. A graph that was read from such a file goes back as it was, in
// canonical form (aliases written out, keys sorted where order has no meaning, no comments); what
// was changed since is written anew. Called by way of formats.h. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/compiler/compile.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::formats::torcharc {

/// `compiled` may be null: then sizes that no lazy class infers must stand in the graph. What the
/// format cannot say is in `diagnostics`; nothing is returned where that is an error.
std::optional<std::string> WriteGraph(const v1::Graph& graph,
                                      const compiler::CompileResult* compiled,
                                      std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::formats::torcharc
