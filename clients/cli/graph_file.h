// Graph files of the command line: reading (told by content), `--input`, compiling.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/cli/command.h"
#include "common/base/text_reader.h"
#include "common/compiler/compile.h"
#include "common/formats/canvas/program.h"
#include "common/graph/source_map.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::cli {

/// The flags of all commands that read a graph.
struct GraphFlags {
  std::string from;                 // forced format; empty: told by content
  std::vector<std::string> inputs;  // NAME=DIMS[:DTYPE]

  void Declare(Arguments* arguments);
};

struct GraphFile {
  std::string file;               // as the user gave it; `-` for stdin
  std::string format = "native";  // of formats/tell.h
  bool readable = false;          // as a graph
  v1::Graph graph;
  // What is no graph: a canvas program, or a program of operators (`codegen --target ir-json`). Set
  // where there is no error in it.
  std::optional<formats::canvas::Program> canvas;
  std::shared_ptr<const ir::Module> program;
  graph::SourceMap positions;
  std::vector<v1::Diagnostic> diagnostics;  // of reading
};

struct CompiledFile {
  GraphFile source;
  compiler::CompileResult result;
  std::vector<v1::Diagnostic> diagnostics;  // of reading and compiling
  bool ok = false;
};

/// One `--input`: `image=4x3x32x32:float32`, `text=Bx10:int64`; the name is empty where it was left
/// out.
struct InputFlag {
  std::string name;
  v1::TensorSpec spec;
};
absl::StatusOr<InputFlag> ParseInputFlag(std::string_view text);

/// Reads `file`. The status tells of a file that is not there or of wrong flags; what is wrong in
/// the file is in `diagnostics`.
absl::StatusOr<GraphFile> ReadGraphFile(const std::string& file, const GraphFlags& flags);
/// The same from bytes.
absl::StatusOr<GraphFile> ReadGraphBytes(std::string_view bytes, const std::string& file,
                                         const GraphFlags& flags);

/// A graph that stands inside another file.
absl::StatusOr<GraphFile> ReadGraphNode(const TextNode& node, const std::string& file);

CompiledFile CompileGraph(GraphFile source);
absl::StatusOr<CompiledFile> CompileGraphFile(const std::string& file, const GraphFlags& flags);

// Refuses to write over what was read: a slip of the hand would lose the only copy.
absl::Status CheckOutput(const std::string& out, const std::vector<std::string>& inputs);

}  // namespace graphkiln::cli
