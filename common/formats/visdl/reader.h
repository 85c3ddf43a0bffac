// Reads VisDL graphs: the graph itself, a saved one, or a pair of graph and config. Nothing is
// executed. Called by the command line by way of formats.h. Pure; any thread.
//
// The one node without an incoming edge reads the data set, which is the graph's input `x`; the one
// without an outgoing edge is its output. Disabled nodes are bypassed. The config is kept as it is;
// where it lists columns by name, it tells how many features `x` has.
#pragma once

#include <string_view>
#include <vector>

#include "common/base/text_reader.h"
#include "common/graph/source_map.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::formats::visdl {

/// All findings go to `diagnostics`, located by key path, line and column.
v1::Graph ReadGraph(const TextNode& root, std::string_view file, graph::SourceMap* positions,
                    std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::formats::visdl
