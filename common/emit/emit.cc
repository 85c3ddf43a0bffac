#include "common/emit/emit.h"

#include <array>
#include <utility>

#include "absl/status/status.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/emit/python/model.h"
#include "common/emit/python/names.h"
#include "common/ir/module.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"

namespace graphkiln::emit {
namespace {

using Files = std::vector<v1::GeneratedFile>;

v1::GeneratedFile File(std::string path, std::string content) {
  v1::GeneratedFile file;
  file.set_path(std::move(path));
  file.set_content(std::move(content));
  return file;
}

absl::StatusOr<Files> Ir(const v1::Graph& graph, const compiler::CompileResult& compiled) {
  return Files{File(python::FileStem(graph.name()) + ".ir.txt", ir::ToText(*compiled.module))};
}

absl::StatusOr<Files> IrJson(const v1::Graph& graph, const compiler::CompileResult& compiled) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status =
      google::protobuf::util::MessageToJsonString(ir::ToProto(*compiled.module), &text, options);
  if (!status.ok())
    return absl::InternalError(fmt::format("JSON of the IR: {}", status.ToString()));
  return Files{File(python::FileStem(graph.name()) + ".ir.json", std::move(text))};
}

absl::StatusOr<Files> Python(const v1::Graph& graph, const compiler::CompileResult& compiled) {
  return Files{File(python::FileStem(graph.name()) + ".py", python::ModelText(graph, compiled))};
}

struct Target {
  TargetInfo info;
  absl::StatusOr<Files> (*generate)(const v1::Graph&, const compiler::CompileResult&);
};

constexpr std::array kTargets = {
    Target{{"ir", "the operators that run, as text"}, Ir},
    Target{{"ir-json", "the operators that run, as JSON of graphkiln.v1.IrModule"}, IrJson},
    Target{{"python", "one Python file with an nn.Module of fixed sizes"}, Python},
};

}  // namespace

std::vector<TargetInfo> Targets() {
  std::vector<TargetInfo> infos;
  for (const Target& target : kTargets) infos.push_back(target.info);
  return infos;
}

absl::StatusOr<Files> Generate(const v1::Graph& graph, const compiler::CompileResult& compiled,
                               std::string_view target) {
  std::string names;
  for (const Target& known : kTargets) {
    if (known.info.name == target) {
      if (!compiled.ok) return absl::FailedPreconditionError("the graph has errors");
      return known.generate(graph, compiled);
    }
    names += fmt::format("{}{}", names.empty() ? "" : ", ", known.info.name);
  }
  return absl::UnimplementedError(
      fmt::format("there is no target {}; there are: {}", QuoteForMessage(target), names));
}

}  // namespace graphkiln::emit
