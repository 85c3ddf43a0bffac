// The formats that graphs are read from and written to: one row each. Called by the command line.
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/text_reader.h"
#include "common/compiler/compile.h"
#include "common/graph/source_map.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::formats {

struct GraphFormat {
  std::string_view name;    // of tell.h
  std::string_view suffix;  // of files that are written
  // What was read, also where there are errors among the findings.
  v1::Graph (*read)(const TextNode& root, std::string_view file, graph::SourceMap* positions,
                    std::vector<v1::Diagnostic>* diagnostics) = nullptr;
  // `compiled` may be null; nothing where a finding is an error.
  std::optional<std::string> (*write)(const v1::Graph& graph,
                                      const compiler::CompileResult* compiled,
                                      std::vector<v1::Diagnostic>* diagnostics) = nullptr;
};

/// In no order. Null where graphs have no such format.
const GraphFormat* FindGraphFormat(std::string_view name);
/// Those that can be written.
std::vector<std::string> WritableFormats();

}  // namespace graphkiln::formats
