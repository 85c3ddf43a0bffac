// Reads TorchArc YAML: modules, and a graph of calls of them. Nothing is executed; classes are
// those of the registry. Called by the command line by way of formats.h. Pure; any thread.
//
// A graph module becomes a node of its name; the first call of a module owns its weights under the
// module's name, further ones (`conv~right`) share them. The format has no shapes: they come from
// the caller. What has no meaning here (unused modules, unknown keys, a form of writing that the
// writer would not choose) is kept under `origin`.
#pragma once

#include <string_view>
#include <vector>

#include "common/base/text_reader.h"
#include "common/graph/source_map.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::formats::torcharc {

/// All findings go to `diagnostics`, located by key path, line and column.
v1::Graph ReadGraph(const TextNode& root, std::string_view file, graph::SourceMap* positions,
                    std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::formats::torcharc
