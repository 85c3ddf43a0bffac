// Writes the seeds of the fuzz targets: `fuzz-seeds FOLDER [ACCEPTANCE]` makes FOLDER/graph_proto
// and FOLDER/graph_text of the models, the blocks and the graphs of the data-driven tests, a folder
// for each other format of these (what it can say) and of the files in ACCEPTANCE, and the
// dictionary FOLDER/graph.dict of what means something in a graph: keys, types, ports, parameters.
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/resources.h"
#include "common/base/status.h"
#include "common/base/text_reader.h"
#include "common/compiler/compile.h"
#include "common/compiler/composite.h"
#include "common/formats/formats.h"
#include "common/graph/text.h"
#include "common/graph/writer.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::fuzz {
namespace {

absl::Status Save(const std::string& folder, const std::string& bytes) {
  return WriteFileAtomic(JoinPath(folder, Sha256Hex(bytes).substr(0, 16)), bytes);
}

constexpr std::string_view kForeign[] = {"torcharc", "torchcanvas", "visdl"};

// A graph of ours in the other formats.
absl::Status Foreign(const v1::Graph& graph, const std::string& out) {
  const compiler::CompileResult compiled = compiler::Compile(graph);
  for (const std::string_view name : kForeign) {
    std::vector<v1::Diagnostic> lacks;
    const auto text =
        formats::FindGraphFormat(name)->write(graph, compiled.ok ? &compiled : nullptr, &lacks);
    if (text) RETURN_IF_ERROR(Save(JoinPath(out, name), *text));
  }
  return absl::OkStatus();
}

// The graph of a file, or of a data-driven test.
absl::Status Seed(const std::string& path, const std::string& out) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, 1 << 20));
  TextError error;
  const auto root = ReadText(bytes, TextLimits(), &error);
  if (!root.ok()) return Save(JoinPath(out, "graph_text"), bytes);
  if (const TextNode* text = root->Find("text"); text != nullptr && text->IsString())
    return Save(JoinPath(out, "graph_text"), text->s);
  const TextNode* inner = root->Find("graph");
  graph::SourceMap positions;
  std::vector<v1::Diagnostic> diagnostics;
  const auto graph =
      graph::ReadGraph(inner != nullptr ? *inner : *root, path, &positions, &diagnostics);
  if (!graph.ok()) return absl::OkStatus();
  RETURN_IF_ERROR(Foreign(*graph, out));
  RETURN_IF_ERROR(Save(JoinPath(out, "graph_proto"), graph->SerializeAsString()));
  RETURN_IF_ERROR(Save(JoinPath(out, "graph_text"), graph::WriteYaml(*graph)));
  return Save(JoinPath(out, "graph_text"), graph::WriteJson(*graph));
}

// Files that already have another format.
absl::Status Recorded(const std::string& folder, const std::string& out) {
  for (const std::string_view name : kForeign) {
    const std::string from = JoinPath(folder, name);
    if (!std::filesystem::is_directory(from)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(from)) {
      const std::string ending = entry.path().extension().string();
      if (!entry.is_regular_file() || (ending != ".yaml" && ending != ".json")) continue;
      ASSIGN_OR_RETURN(const std::string bytes, ReadFile(entry.path().string(), 1 << 20));
      RETURN_IF_ERROR(Save(JoinPath(out, name), bytes));
    }
  }
  return absl::OkStatus();
}

absl::Status Dictionary(const std::string& path) {
  std::set<std::string> words = {"graphkiln: 1",
                                 "inputs:",
                                 "outputs:",
                                 "nodes:",
                                 "params:",
                                 "children:",
                                 "composites:",
                                 "let:",
                                 "variables:",
                                 "repeat:",
                                 "when:",
                                 "otherwise:",
                                 "module:",
                                 "in:",
                                 "type:",
                                 "mode: bypassed",
                                 "mode: muted",
                                 "compile: freeze",
                                 "compile: constant",
                                 "compile: export",
                                 "{ref: ",
                                 "{value: ",
                                 "{map: ",
                                 "port: ",
                                 "shape: [B, ",
                                 "input.dim(1)",
                                 "input.rank",
                                 "input.present",
                                 "$i",
                                 "{$i}",
                                 " if ",
                                 " else ",
                                 "// ",
                                 "* ",
                                 "9223372036854775807",
                                 "-1",
                                 "0",
                                 "1e308",
                                 "$+inf",
                                 "$?nan",
                                 "null",
                                 "true",
                                 "&a ",
                                 "*a",
                                 "<<: *a",
                                 "Sequential",
                                 "ModuleList",
                                 "ModuleDict",
                                 "modules:",
                                 "graph:",
                                 "compact:",
                                 "prelayer:",
                                 "layer:",
                                 "keys:",
                                 "args:",
                                 "postlayer:",
                                 "input:",
                                 "output:",
                                 "~",
                                 "edges",
                                 "metadata",
                                 "Input",
                                 "Output",
                                 "num_classes",
                                 "same",
                                 "valid"};
  for (const auto* nodes : {&nodes::AllNodes(), &nodes::OperatorNodes()}) {
    for (const nodes::NodeDef* def : *nodes) {
      words.emplace(def->name);
      for (const nodes::ParamSpec& param : def->params) words.insert(param.name);
      for (const nodes::PortSpec& port : def->inputs) words.insert(port.name);
      for (const nodes::OutputSpec& port : def->outputs) words.insert(port.name);
    }
  }
  for (const v1::Composite& composite : compiler::BuiltInComposites())
    words.insert(composite.name());
  std::string text;
  for (const std::string& word : words) text += fmt::format("\"{}\"\n", word);
  return WriteFileAtomic(path, text);
}

absl::Status Run(const std::string& out, const std::string& acceptance) {
  for (const char* folder : {"graph_proto", "graph_text", "torcharc", "torchcanvas", "visdl"})
    RETURN_IF_ERROR(MakeDirs(JoinPath(out, folder)));
  RETURN_IF_ERROR(Recorded(acceptance, out));
  for (const char* folder : {"/templates/models", "/templates/blocks", "/tests/graphs"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(ResourceDir() + folder)) {
      if (entry.is_regular_file()) RETURN_IF_ERROR(Seed(entry.path().string(), out));
    }
  }
  return Dictionary(JoinPath(out, "graph.dict"));
}

}  // namespace
}  // namespace graphkiln::fuzz

int main(int argc, char** argv) {
  const absl::Status status = argc == 2 || argc == 3
                                  ? graphkiln::fuzz::Run(argv[1], argc == 3 ? argv[2] : "")
                                  : absl::InvalidArgumentError("fuzz-seeds FOLDER [ACCEPTANCE]");
  if (status.ok()) return 0;
  fmt::print(stderr, "{}\n", graphkiln::MessageOf(status));
  return 1;
}
