// Reads TorchCanvas graph JSON in its three dialects. Nothing is executed. Called by the command
// line by way of formats.h. Pure; any thread.
//
// Input nodes become inputs of the graph; their shapes come from the caller. An Output node hands
// its input on, or is a Linear layer where it has num_classes. VGGBlock with the older spelling `k`
// is the block without batch norm. What has no meaning here is kept under `origin`.
#pragma once

#include <string_view>
#include <vector>

#include "common/base/text_reader.h"
#include "common/graph/source_map.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::formats::torchcanvas {

/// All findings go to `diagnostics`, located by key path, line and column.
v1::Graph ReadGraph(const TextNode& root, std::string_view file, graph::SourceMap* positions,
                    std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::formats::torchcanvas
