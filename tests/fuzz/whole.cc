#include "tests/fuzz/whole.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/compiler/compile.h"
#include "common/emit/emit.h"
#include "common/estimate/summary.h"
#include "common/graph/canonical.h"
#include "common/graph/text.h"
#include "common/graph/writer.h"
#include "common/ir/module.h"
#include "common/ir/verify.h"

namespace graphkiln::fuzz {
namespace {

void Check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

void CheckProgram(const v1::Graph& graph, const compiler::CompileResult& result) {
  Check(result.module != nullptr, "a graph without errors has a program");
  Check(ir::Verify(*result.module).ok(), "the program is well-formed");
  const auto again = ir::FromProto(ir::ToProto(*result.module));
  Check(again.ok() && ir::Verify(*again).ok(), "the program survives the way to the trainer");
  Check(estimate::Summarize(result)->flops() >= 0, "costs do not overflow");
  for (const emit::TargetInfo& target : emit::Targets())
    Check(emit::Generate(graph, result, target.name).ok(), "every target is generated");
}

}  // namespace

void Whole(const v1::Graph& graph) {
  const compiler::CompileResult result = compiler::Compile(graph);
  bool errors = false;
  for (const v1::Diagnostic& d : result.diagnostics) {
    errors = errors || d.severity() == v1::SEVERITY_ERROR;
    Check(!d.code().empty() && d.code() != "INTERNAL", "findings have a code, none is ours");
  }
  Check(result.ok == !errors, "a graph is ok where no finding is an error");
  if (result.ok) CheckProgram(graph, result);
}

void GraphProto(std::string_view bytes) {
  v1::Graph graph;
  if (!graph.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  Whole(graph);
}

void GraphText(std::string_view bytes) {
  graph::SourceMap positions;
  std::vector<v1::Diagnostic> diagnostics;
  const auto graph = graph::ReadGraph(bytes, "fuzz", &positions, &diagnostics);
  if (!graph.ok()) {
    Check(!diagnostics.empty(), "what cannot be read has a finding");
    return;
  }
  // What was written is read as the same graph.
  const std::string text = graph::WriteYaml(*graph);
  const auto again = graph::ReadGraph(text, "fuzz", &positions, &diagnostics);
  Check(again.ok() && graph::ContentHash(*again) == graph::ContentHash(*graph),
        "a written graph is read back");
  Whole(*graph);
}

}  // namespace graphkiln::fuzz
