#include "common/formats/formats.h"

#include <array>

#include "common/formats/torcharc/reader.h"
#include "common/formats/torcharc/writer.h"
#include "common/formats/torchcanvas/reader.h"
#include "common/formats/torchcanvas/writer.h"
#include "common/formats/visdl/job.h"
#include "common/formats/visdl/reader.h"
#include "common/formats/visdl/writer.h"
#include "common/graph/writer.h"

namespace graphkiln::formats {
namespace {

using Written = std::optional<std::string>;
using Findings = std::vector<v1::Diagnostic>;

Written Yaml(const v1::Graph& graph, const compiler::CompileResult*, Findings*) {
  return graph::WriteYaml(graph);
}

Written NativeJson(const v1::Graph& graph, const compiler::CompileResult*, Findings*) {
  return graph::WriteJson(graph);
}

// `native` is written as YAML; `json` is the same in the other notation.
constexpr std::array kFormats = {
    GraphFormat{"native", ".kiln.yaml", nullptr, Yaml},
    GraphFormat{"json", ".kiln.json", nullptr, NativeJson},
    GraphFormat{"torcharc", ".yaml", torcharc::ReadGraph, torcharc::WriteGraph},
    GraphFormat{"torchcanvas", ".json", torchcanvas::ReadGraph, torchcanvas::WriteGraph},
    GraphFormat{"visdl", ".json", visdl::ReadGraph, visdl::WriteGraph},
    // What a graph that came with a config is trained by.
    GraphFormat{"job", ".job.yaml", nullptr, visdl::WriteJob},
};

}  // namespace

const GraphFormat* FindGraphFormat(std::string_view name) {
  for (const GraphFormat& format : kFormats) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

std::vector<std::string> WritableFormats() {
  std::vector<std::string> names;
  for (const GraphFormat& format : kFormats) {
    if (format.write != nullptr) names.emplace_back(format.name);
  }
  return names;
}

}  // namespace graphkiln::formats
