// Compiles a graph given as text; for the tests of the compiler.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "common/compiler/compile.h"
#include "common/graph/text.h"

namespace graphkiln::compiler {

inline v1::Graph ReadOrDie(std::string_view yaml) {
  graph::SourceMap positions;
  std::vector<v1::Diagnostic> diagnostics;
  auto graph = graph::ReadGraph(yaml, "test.kiln.yaml", &positions, &diagnostics);
  EXPECT_TRUE(graph.ok()) << graph.status().ToString();
  for (const v1::Diagnostic& d : diagnostics) ADD_FAILURE() << d.ShortDebugString();
  return graph.ok() ? *graph : v1::Graph();
}

inline CompileResult CompileText(std::string_view yaml) { return Compile(ReadOrDie(yaml)); }

// `CODE node port/param` per finding, in order, one per line.
inline std::string Findings(const CompileResult& result) {
  std::string out;
  for (const v1::Diagnostic& d : result.diagnostics) {
    out += d.code() + " " + d.node();
    if (!d.port().empty()) out += " " + d.port();
    if (!d.param().empty()) out += " " + d.param();
    out += "\n";
  }
  return out;
}

// Shapes of a node's outputs, as in `[B, 4] [1]`.
inline std::string Shapes(const CompileResult& result, std::string_view id) {
  std::string out;
  for (const NodeTypes& node : result.nodes) {
    if (node.id != id) continue;
    for (const ir::TensorType& type : node.outputs)
      out += (out.empty() ? "" : " ") + ir::ShapeText(type.shape);
  }
  return out;
}

}  // namespace graphkiln::compiler
