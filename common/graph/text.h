// Reads the native text form of graphs (`*.kiln.yaml`, `*.kiln.json`). Pure; any thread.
//
//   graphkiln: 1
//   inputs: {x: {dtype: float32, shape: [B, 4]}}
//   nodes:
//     fc: {type: Linear, in: x, params: {out_features: 3}}
//   outputs: {logits: fc}
//
// `in` is a reference, a list of them by position, or a map of port to argument. A reference is
// `node`, `node.port` or the name of an input; an id that contains dots is found first. `{ref:
// node, port: name}` says the same without a doubt; `{value: V}` is a literal, and `{map: {...}}` a
// map of arguments even where its names are `ref`, `value` or `map`. Files that hold only
// `composites` are legal, too.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/text_reader.h"
#include "common/graph/source_map.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::graph {

// The key of graphs and nodes under which a foreign format keeps what has no meaning here, so that
// it can be written back; kept in `extra` without a warning.
inline constexpr std::string_view kOrigin = "origin";

// All findings of the text go to `diagnostics`, located; a graph is returned unless the text cannot
// be understood at all. Whoever goes on must look for errors among the diagnostics first. Unknown
// keys are kept in `extra` and warned about.
absl::StatusOr<v1::Graph> ReadGraph(std::string_view bytes, std::string_view file,
                                    SourceMap* positions, std::vector<v1::Diagnostic>* diagnostics);

// The same for a part of a larger file, such as the graph inside a job.
absl::StatusOr<v1::Graph> ReadGraph(const TextNode& root, std::string_view file,
                                    SourceMap* positions, std::vector<v1::Diagnostic>* diagnostics);

// A literal: expressions are told by `$`; `$$` stands for a dollar sign.
v1::Value ReadValue(const TextNode& node);

}  // namespace graphkiln::graph
