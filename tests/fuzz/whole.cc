#include "tests/fuzz/whole.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/base/text_reader.h"
#include "common/compiler/compile.h"
#include "common/emit/emit.h"
#include "common/estimate/summary.h"
#include "common/formats/formats.h"
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

bool HasErrors(const std::vector<v1::Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const v1::Diagnostic& d) { return d.severity() == v1::SEVERITY_ERROR; });
}

// Shapes that some layers take: images where there is a convolution, rows else.
void GiveShapes(v1::Graph* graph) {
  const std::string text = graph->SerializeAsString();
  const int rank = text.find("2d") != std::string::npos   ? 4
                   : text.find("1d") != std::string::npos ? 3
                   : text.find("RU") != std::string::npos ? 3
                                                          : 2;
  for (v1::GraphInput& input : *graph->mutable_inputs()) {
    input.set_shape_known(true);
    input.mutable_spec()->set_dtype(v1::DATA_TYPE_FLOAT32);
    input.mutable_spec()->clear_shape();
    for (const int64_t size : {2, 3, 16, 16}) {
      if (input.spec().shape_size() < rank) input.mutable_spec()->add_shape()->set_size(size);
    }
  }
}

// Every format takes any graph, or tells why not.
void CheckWriters(const v1::Graph& graph, const compiler::CompileResult* compiled) {
  for (const std::string& name : formats::WritableFormats()) {
    std::vector<v1::Diagnostic> lacks;
    const formats::GraphFormat& format = *formats::FindGraphFormat(name);
    const auto written = format.write(graph, compiled, &lacks);
    Check(written.has_value() != HasErrors(lacks), "a format is written where nothing is lacking");
    if (written) Check(ReadText(*written, TextLimits(), nullptr).ok(), "what is written is a text");
  }
}

}  // namespace

void Foreign(std::string_view name, std::string_view bytes) {
  const formats::GraphFormat& format = *formats::FindGraphFormat(name);
  const auto root = ReadText(bytes, TextLimits(), nullptr);
  if (!root.ok()) return;
  graph::SourceMap positions;
  std::vector<v1::Diagnostic> found;
  v1::Graph graph = format.read(*root, "fuzz", &positions, &found);
  for (const v1::Diagnostic& d : found) {
    Check(!d.code().empty() && d.code() != "INTERNAL", "findings have a code, none is ours");
    Check(d.line() > 0 && d.column() > 0, "findings are placed");
  }
  if (!HasErrors(found)) {
    // By way of our own form nothing is lost.
    const auto native = graph::ReadGraph(graph::WriteYaml(graph), "fuzz", &positions, &found);
    Check(native.ok() && graph::ContentHash(*native) == graph::ContentHash(graph),
          "an imported graph is written and read back");
    std::vector<v1::Diagnostic> lacks;
    const auto written = format.write(graph, nullptr, &lacks);
    const auto same = format.write(*native, nullptr, &lacks);
    Check(written.has_value() == same.has_value(), "our own form can be written alike");
    if (written) {
      Check(*written == *same, "our own form keeps what the format says");
      const auto again = ReadText(*written, TextLimits(), nullptr);
      Check(again.ok(), "what is written can be read");
      std::vector<v1::Diagnostic> now;
      const v1::Graph back = format.read(*again, "fuzz", &positions, &now);
      Check(!HasErrors(now), "what is written has no errors");
      const auto twice = format.write(back, nullptr, &now);
      Check(twice && *twice == *written, "what is written again is the same");
    }
  }
  GiveShapes(&graph);
  Whole(graph);
}

void Whole(const v1::Graph& graph) {
  const compiler::CompileResult result = compiler::Compile(graph);
  bool errors = false;
  for (const v1::Diagnostic& d : result.diagnostics) {
    errors = errors || d.severity() == v1::SEVERITY_ERROR;
    Check(!d.code().empty() && d.code() != "INTERNAL", "findings have a code, none is ours");
  }
  Check(result.ok == !errors, "a graph is ok where no finding is an error");
  if (result.ok) CheckProgram(graph, result);
  CheckWriters(graph, nullptr);
  if (result.ok) CheckWriters(graph, &result);
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
