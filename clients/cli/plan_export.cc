#include "clients/cli/plan_export.h"

#include <cctype>
#include <optional>
#include <set>
#include <utility>

#include "clients/cli/context.h"
#include "clients/cli/weights.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/compiler/plan_region.h"
#include "common/formats/canvas/writer.h"
#include "common/graph/writer.h"
#include "common/ir/module.h"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"
#include "services/worker/launch/forward_once.h"

namespace graphkiln::cli {
namespace {

// One folder being filled.
class Folder {
 public:
  explicit Folder(std::string dir) : dir_(std::move(dir)) {}

  std::string Add(const std::string& name) {
    out_.files.push_back(JoinPath(dir_, name));
    return out_.files.back();
  }
  absl::Status Text(const std::string& name, std::string_view text) {
    return WriteFileAtomic(Add(name), text);
  }
  absl::Status Manifest(const std::string& stem, const std::string& region,
                        const std::string& family, const Json& path) {
    const Json manifest = {{"region", region}, {"family", family}, {"path", path}};
    return Text(stem + ".json", graph::DumpJson(manifest, 1) + "\n");
  }
  Exported& out() { return out_; }

 private:
  std::string dir_;
  Exported out_;
};

absl::StatusOr<std::string> IrJson(const v1::IrModule& module) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(module, &text, options);
  if (!status.ok())
    return absl::InternalError(fmt::format("JSON of the IR: {}", status.ToString()));
  return text + "\n";
}

// Runs the program that gives the folded values.
absl::StatusOr<Weights> Evaluate(const v1::IrModule& module, const Weights& weights,
                                 absl::Duration timeout) {
  ASSIGN_OR_RETURN(const std::string dir, MakeTempDir("kiln-plan-"));
  auto evaluated = [&]() -> absl::StatusOr<Weights> {
    trainer::v1::RunForward request;
    *request.mutable_ir() = module;
    request.set_weights_path(JoinPath(dir, "weights.safetensors"));
    request.set_inputs_path(JoinPath(dir, "inputs.safetensors"));
    request.set_outputs_path(JoinPath(dir, "outputs.safetensors"));
    RETURN_IF_ERROR(weights.Write(request.weights_path(), StateKeys(module)));
    RETURN_IF_ERROR(weights.Write(request.inputs_path(), {}));
    ASSIGN_OR_RETURN(const trainer::v1::Finished finished,
                     worker::RunForwardOnce(request, timeout));
    if (finished.outcome() != trainer::v1::Finished::OUTCOME_SUCCEEDED)
      return absl::InternalError("folding constants: " + finished.reason());
    return Weights::Open(request.outputs_path());
  }();
  const absl::Status removed = RemoveTree(dir);  // what was opened stays mapped
  if (evaluated.ok() && !removed.ok()) return removed;
  return evaluated;
}

v1::Diagnostic NoWeights(const std::string& region) {
  v1::Diagnostic diagnostic;
  diagnostic.set_severity(v1::SEVERITY_WARNING);
  diagnostic.set_code("DATA_INVALID");
  diagnostic.set_node(region);
  diagnostic.set_message(
      fmt::format("the weights hold nothing of region {}", QuoteForMessage(region)));
  diagnostic.set_expected(fmt::format("keys that begin with regions.{0}. or {0}.", region));
  return diagnostic;
}

// Keys of a region: those of the submodule `regions.NAME`, else of `NAME`.
std::vector<std::string> RegionKeys(const Weights& weights, const std::string& region) {
  for (const std::string& prefix : {"regions." + region + ".", region + "."}) {
    std::vector<std::string> keys;
    for (const tensors::NamedTensor& tensor : weights.tensors()) {
      if (tensor.name.starts_with(prefix)) keys.push_back(tensor.name);
    }
    if (!keys.empty()) return keys;
  }
  return {};
}

}  // namespace

std::vector<std::string> FileStems(const std::vector<std::string>& names,
                                   const std::vector<std::string>& taken) {
  constexpr size_t kLongest = 100;
  StringSet used(taken.begin(), taken.end());
  std::vector<std::string> stems;
  for (const std::string& name : names) {
    std::string safe;
    for (const char c : name.substr(0, kLongest)) {
      const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ||
                         (c == '.' && !safe.empty());
      safe += plain && static_cast<unsigned char>(c) < 0x80 ? c : '_';
    }
    if (safe.empty()) safe = "_";
    std::string stem = safe;
    for (int n = 2; !used.insert(ToLowerAscii(stem)).second; ++n)
      stem = fmt::format("{}_{}", safe, n);
    stems.push_back(std::move(stem));
  }
  return stems;
}

absl::StatusOr<Exported> ExportPlan(const v1::Graph& graph, const compiler::CompileResult& compiled,
                                    const compiler::Plan& plan, const PlanTarget& target) {
  RETURN_IF_ERROR(MakeDirs(target.dir));
  Folder folder(target.dir);
  const v1::IrModule whole = ir::ToProto(*compiled.module);
  ASSIGN_OR_RETURN(Weights weights, target.weights.empty() ? Weights::Initial(whole, target.seed)
                                                           : Weights::Open(target.weights));
  RETURN_IF_ERROR(weights.Check(whole));
  std::set<std::string> constants(plan.folded_keys.begin(), plan.folded_keys.end());
  Weights folded;
  if (!plan.folded_keys.empty()) {
    ASSIGN_OR_RETURN(folded, Evaluate(ir::ToProto(plan.folded), weights, target.timeout));
    weights.Add(folded);
  }
  std::vector<std::string> names;
  for (const compiler::PlannedRegion& region : plan.regions) {
    if (region.mode == v1::COMPILE_MODE_CONSTANT)
      constants.insert(region.keys.begin(), region.keys.end());
    if (region.mode == v1::COMPILE_MODE_EXPORT) names.push_back(region.name);
  }
  if (!plan.constant.empty()) {
    RETURN_IF_ERROR(
        weights.Write(folder.Add("constants.safetensors"), {constants.begin(), constants.end()}));
  }
  const std::vector<std::string> stems = FileStems(names, {"constants", "planned", "planned.ir"});
  size_t next = 0;
  for (const compiler::PlannedRegion& region : plan.regions) {
    if (region.mode != v1::COMPILE_MODE_EXPORT) continue;
    const std::string& stem = stems[next++];
    const std::string path = folder.Add(stem + ".safetensors");
    RETURN_IF_ERROR(weights.Write(path, region.keys));
    RETURN_IF_ERROR(folder.Manifest(stem, region.name, region.type, path));
    const std::optional<v1::Graph> alone =
        region.node >= 0
            ? compiler::RegionGraph(graph, graph.nodes(region.node),
                                    compiled.instances[static_cast<size_t>(region.instance)],
                                    *compiled.module)
            : compiler::PartGraph(graph, compiled.instances, region.instance, *compiled.module);
    if (alone) RETURN_IF_ERROR(folder.Text(stem + ".kiln.yaml", graph::WriteYaml(*alone)));
  }
  const v1::IrModule program = ir::ToProto(plan.program);
  ASSIGN_OR_RETURN(const std::string text, IrJson(program));
  RETURN_IF_ERROR(folder.Text("planned.ir.json", text));
  RETURN_IF_ERROR(weights.Write(folder.Add("planned.safetensors"), StateKeys(program)));
  return std::move(folder.out());
}

absl::StatusOr<Exported> ExportPlan(const formats::canvas::Program& program,
                                    const formats::canvas::Plan& plan, const PlanTarget& target) {
  RETURN_IF_ERROR(MakeDirs(target.dir));
  Folder folder(target.dir);
  Weights weights;
  const bool given = !target.weights.empty();
  if (given) {
    ASSIGN_OR_RETURN(weights, Weights::Open(target.weights));
  }
  const auto keys_of = [&](const std::string& region) {
    std::vector<std::string> keys = RegionKeys(weights, region);
    if (given && keys.empty()) folder.out().diagnostics.push_back(NoWeights(region));
    return keys;
  };
  std::set<std::string> constants;
  for (const std::string& region : plan.constant) {
    const std::vector<std::string> keys = keys_of(region);
    constants.insert(keys.begin(), keys.end());
  }
  if (given && !plan.constant.empty()) {
    RETURN_IF_ERROR(
        weights.Write(folder.Add("constants.safetensors"), {constants.begin(), constants.end()}));
  }
  StringMap<std::string> families;
  for (const auto& [name, region] : program.region_programs) families.emplace(name, region.family);
  const std::vector<std::string> stems = FileStems(plan.exported, {"constants", "reduced"});
  for (size_t i = 0; i < stems.size(); ++i) {
    const std::string& region = plan.exported[i];
    const std::vector<std::string> keys = keys_of(region);
    Json path = nullptr;
    if (!keys.empty()) {
      path = folder.Add(stems[i] + ".safetensors");
      RETURN_IF_ERROR(weights.Write(path.get<std::string>(), keys));
    }
    RETURN_IF_ERROR(folder.Manifest(stems[i], region, families[region], path));
  }
  const Json reduced = formats::canvas::ProgramJson(formats::canvas::Reduced(program, plan));
  RETURN_IF_ERROR(folder.Text("reduced.json", graph::DumpJson(reduced, 1) + "\n"));
  return std::move(folder.out());
}

}  // namespace graphkiln::cli
