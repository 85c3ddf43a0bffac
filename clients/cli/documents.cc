#include "clients/cli/documents.h"

#include <map>

#include "common/base/hash.h"
#include "common/estimate/numbers.h"
#include "common/graph/value_json.h"
#include "common/ir/types.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "google/protobuf/util/time_util.h"

namespace graphkiln::cli {
namespace {

constexpr std::string_view kDefaultProject = "projects/default/";

void PutText(Json* json, const char* key, const std::string& text) {
  if (!text.empty()) (*json)[key] = text;
}

Json DimJson(const v1::Dim& dim) {
  if (dim.kind_case() == v1::Dim::kSymbol) return dim.symbol();
  return dim.size();
}

Json ArgumentJson(const v1::Argument& argument) {
  switch (argument.kind_case()) {
    case v1::Argument::kReference: {
      const auto& ref = argument.reference();
      return ref.port().empty() ? ref.node() : fmt::format("{}.{}", ref.node(), ref.port());
    }
    case v1::Argument::kLiteral:
      return {{"literal", graph::ValueJson(argument.literal())}};
    case v1::Argument::kList: {
      Json list = Json::array();
      for (const auto& item : argument.list().items()) {
        list.push_back(item.kind_case() == v1::Argument::kReference ? ArgumentJson(item)
                                                                    : Json(nullptr));
      }
      return list;
    }
    default:
      return nullptr;
  }
}

}  // namespace

std::string_view SeverityName(v1::Severity severity) {
  switch (severity) {
    case v1::SEVERITY_WARNING:
      return "warning";
    case v1::SEVERITY_HINT:
      return "hint";
    default:
      return "error";
  }
}

std::string ShortName(std::string_view name) {
  if (name.starts_with(kDefaultProject)) {
    const std::string_view rest = name.substr(kDefaultProject.size());
    const size_t slash = rest.find('/');
    if (slash != std::string_view::npos) return std::string(rest.substr(slash + 1));
  }
  if (name.starts_with("workers/")) return std::string(name.substr(8));
  return std::string(name);
}

std::string WhereText(const v1::Diagnostic& d) {
  std::vector<std::string> parts;
  std::string place = d.file();
  if (d.line() > 0) place += fmt::format("{}{}:{}", place.empty() ? "" : ":", d.line(), d.column());
  if (!place.empty()) parts.push_back(place);
  if (!d.node().empty()) parts.push_back("node " + d.node());
  if (!d.port().empty()) parts.push_back("port " + d.port());
  if (!d.param().empty()) parts.push_back("parameter " + d.param());
  if (!d.path().empty()) parts.push_back("at " + d.path());
  return fmt::format("{}", fmt::join(parts, ", "));
}

Json TimeJson(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return nullptr;
  using google::protobuf::util::TimeUtil;
  if (time.seconds() < TimeUtil::kTimestampMinSeconds ||
      time.seconds() > TimeUtil::kTimestampMaxSeconds || time.nanos() < 0 ||
      time.nanos() >= 1'000'000'000) {
    return nullptr;
  }
  return TimeUtil::ToString(time);
}

Json ShapeJson(const v1::TensorSpec& spec) {
  Json shape = Json::array();
  for (const v1::Dim& dim : spec.shape()) shape.push_back(DimJson(dim));
  return shape;
}

std::string ShapeText(const v1::TensorSpec& spec) {
  std::vector<std::string> dims;
  for (const v1::Dim& dim : spec.shape()) {
    dims.push_back(dim.kind_case() == v1::Dim::kSymbol ? dim.symbol() : std::to_string(dim.size()));
  }
  return fmt::format("{}[{}]", ir::DTypeName(spec.dtype()), fmt::join(dims, ", "));
}

Json SpecJson(const v1::TensorSpec& spec) {
  return {{"shape", ShapeJson(spec)}, {"dtype", std::string(ir::DTypeName(spec.dtype()))}};
}

Json NamedSpecJson(std::string_view key, const v1::NamedSpec& spec) {
  Json json;
  json[std::string(key)] = spec.name();
  json["shape"] = ShapeJson(spec.spec());
  json["dtype"] = std::string(ir::DTypeName(spec.spec().dtype()));
  return json;
}

Json EditJson(const v1::Edit& edit) {
  const auto reference = [](const v1::Reference& ref) {
    return ref.port().empty() ? ref.node() : fmt::format("{}.{}", ref.node(), ref.port());
  };
  Json json;
  switch (edit.op_case()) {
    case v1::Edit::kAddNode: {
      const v1::Node& node = edit.add_node().node();
      json["op"] = "add_node";
      json["node"] = node.id();
      json["type"] = node.type();
      for (const auto& input : node.inputs()) json["in"].push_back(ArgumentJson(input.value()));
      for (const auto& [name, value] :
           std::map<std::string, v1::Value>(node.params().begin(), node.params().end())) {
        json["params"][name] = graph::ValueJson(value);
      }
      break;
    }
    case v1::Edit::kRemoveNode:
      json["op"] = "remove_node";
      json["node"] = edit.remove_node().node();
      break;
    case v1::Edit::kSetParam:
      json["op"] = "set_param";
      json["node"] = edit.set_param().node();
      json["param"] = edit.set_param().param();
      json["value"] = graph::ValueJson(edit.set_param().value());
      break;
    case v1::Edit::kUnsetParam:
      json["op"] = "unset_param";
      json["node"] = edit.unset_param().node();
      json["param"] = edit.unset_param().param();
      break;
    case v1::Edit::kRenameNode:
      json["op"] = "rename_node";
      json["node"] = edit.rename_node().node();
      json["new_id"] = edit.rename_node().new_id();
      break;
    case v1::Edit::kConnect:
      json["op"] = "connect";
      json["source"] = reference(edit.connect().source());
      json["node"] = edit.connect().node();
      json["port"] = edit.connect().port();
      if (edit.connect().has_position()) json["position"] = edit.connect().position();
      break;
    case v1::Edit::kDisconnect:
      json["op"] = "disconnect";
      json["node"] = edit.disconnect().node();
      json["port"] = edit.disconnect().port();
      if (edit.disconnect().has_position()) json["position"] = edit.disconnect().position();
      break;
    case v1::Edit::kSetType:
      json["op"] = "set_type";
      json["node"] = edit.set_type().node();
      json["type"] = edit.set_type().type();
      break;
    case v1::Edit::kSetInput:
      json = SpecJson(edit.set_input().input().spec());
      json["op"] = "set_input";
      json["name"] = edit.set_input().input().name();
      break;
    case v1::Edit::OP_NOT_SET:
      break;
  }
  return json;
}

Json DiagnosticJson(const v1::Diagnostic& d) {
  Json json;
  json["severity"] = std::string(SeverityName(d.severity()));
  json["code"] = d.code();
  json["message"] = d.message();
  PutText(&json, "rule", d.rule());
  PutText(&json, "node", d.node());
  PutText(&json, "port", d.port());
  PutText(&json, "param", d.param());
  PutText(&json, "path", d.path());
  PutText(&json, "file", d.file());
  if (d.line() > 0) json["line"] = d.line();
  if (d.column() > 0) json["column"] = d.column();
  PutText(&json, "expected", d.expected());
  PutText(&json, "found", d.found());
  for (const v1::Fix& fix : d.fixes()) {
    Json entry;
    entry["description"] = fix.description();
    entry["edits"] = Json::array();
    for (const v1::Edit& edit : fix.edits()) entry["edits"].push_back(EditJson(edit));
    json["fixes"].push_back(std::move(entry));
  }
  return json;
}

Json DiagnosticsJson(const std::vector<v1::Diagnostic>& diagnostics) {
  Json list = Json::array();
  for (const v1::Diagnostic& diagnostic : diagnostics) list.push_back(DiagnosticJson(diagnostic));
  return list;
}

Json NodeTypesJson(const v1::NodeTypes& node) {
  Json json;
  json["id"] = node.id();
  json["type"] = node.type();
  json["outputs"] = Json::array();
  for (const v1::TensorSpec& output : node.outputs()) json["outputs"].push_back(SpecJson(output));
  return json;
}

namespace {

Json MemoryJson(const v1::MemorySummary& memory) {
  return {{"parameters", memory.parameters()},         {"gradients", memory.gradients()},
          {"optimizer", memory.optimizer()},           {"activations", memory.activations()},
          {"peak_inference", memory.peak_inference()}, {"peak_training", memory.peak_training()}};
}

Json LayerJson(const v1::LayerCost& layer) {
  const auto types = [](const auto& specs) {
    Json list = Json::array();
    for (const v1::TensorSpec& spec : specs) list.push_back(SpecJson(spec));
    return list;
  };
  Json json;
  json["path"] = layer.path();
  json["name"] = layer.name();
  json["type"] = layer.type();
  json["depth"] = layer.depth();
  json["inputs"] = types(layer.inputs());
  json["outputs"] = types(layer.outputs());
  json["parameters"] = layer.parameters();
  json["trainable"] = layer.trainable();
  if (layer.kernel_size() > 0)
    json["kernel"] = std::vector<int64_t>(layer.kernel().begin(), layer.kernel().end());
  json["flops"] = layer.flops();
  json["multiply_adds"] = layer.multiply_adds();
  json["activations"] = layer.activations();
  if (layer.shared()) json["shared"] = true;
  return json;
}

}  // namespace

Json SummaryJson(const v1::SummarizeResponse& summary) {
  Json json;
  json["parameters"] = summary.parameters();
  json["trainable"] = summary.trainable();
  json["buffers"] = summary.buffers();
  json["inputs"] = Json::array();
  for (const auto& spec : summary.inputs()) json["inputs"].push_back(NamedSpecJson("name", spec));
  json["outputs"] = Json::array();
  for (const auto& spec : summary.outputs()) json["outputs"].push_back(NamedSpecJson("name", spec));
  json["state_dict"] = Json::array();
  for (const auto& spec : summary.state_dict()) {
    json["state_dict"].push_back(NamedSpecJson("key", spec));
  }
  json["flops"] = summary.flops();
  const v1::MemorySummary& memory = summary.memory();
  json["memory"] = MemoryJson(memory);
  json["multiply_adds"] = summary.multiply_adds();
  json["sizes"] = {{"inputs", memory.inputs()},
                   {"forward_backward", memory.forward_backward()},
                   {"parameters", memory.parameters()},
                   {"total", memory.inputs() + memory.forward_backward() + memory.parameters()}};
  json["estimates"] = Json::array();
  for (const v1::MemoryEstimate& estimate : summary.estimates()) {
    json["estimates"].push_back(
        {{"optimizer", estimate.optimizer()},
         {"precision", std::string(estimate::NumbersName(estimate.numbers()))},
         {"memory", MemoryJson(estimate.memory())}});
  }
  json["nodes"] = Json::array();
  for (const v1::NodeCost& node : summary.nodes()) {
    Json entry;
    entry["id"] = node.id();
    entry["type"] = node.type();
    entry["outputs"] = Json::array();
    for (const v1::TensorSpec& output : node.outputs())
      entry["outputs"].push_back(SpecJson(output));
    entry["parameters"] = node.parameters();
    entry["flops"] = node.flops();
    entry["activations"] = node.activations();
    json["nodes"].push_back(std::move(entry));
  }
  json["layers"] = Json::array();
  for (const v1::LayerCost& layer : summary.layers()) json["layers"].push_back(LayerJson(layer));
  return json;
}

Json FilesJson(std::string_view target, const std::vector<v1::GeneratedFile>& files,
               bool with_content) {
  Json json;
  json["target"] = std::string(target);
  json["files"] = Json::array();
  for (const v1::GeneratedFile& file : files) {
    json["files"].push_back({{"path", file.path()},
                             {"bytes", file.content().size()},
                             {"sha256", Sha256Hex(file.content())}});
    if (with_content) json["files"].back()["content"] = file.content();
  }
  return json;
}

Json NodeTypeJson(const v1::NodeType& type) {
  Json json;
  json["name"] = type.name();
  json["category"] = type.category();
  json["doc"] = type.doc();
  json["since_version"] = type.since_version();
  json["params"] = Json::array();
  for (const v1::ParamInfo& param : type.params()) {
    Json entry;
    entry["name"] = param.name();
    entry["type"] = param.type();
    if (param.required()) entry["required"] = true;
    if (param.inferred()) entry["inferred"] = true;
    if (param.has_default_value()) entry["default"] = graph::ValueJson(param.default_value());
    if (param.has_minimum()) entry["minimum"] = param.minimum();
    if (param.has_maximum()) entry["maximum"] = param.maximum();
    for (const std::string& choice : param.choices()) entry["choices"].push_back(choice);
    PutText(&entry, "doc", param.doc());
    json["params"].push_back(std::move(entry));
  }
  const auto ports = [](const auto& list) {
    Json result = Json::array();
    for (const v1::PortInfo& port : list) {
      Json entry;
      entry["name"] = port.name();
      PutText(&entry, "doc", port.doc());
      if (port.optional()) entry["optional"] = true;
      if (port.variadic()) entry["variadic"] = true;
      result.push_back(std::move(entry));
    }
    return result;
  };
  json["inputs"] = ports(type.inputs());
  json["outputs"] = ports(type.outputs());
  PutText(&json, "python", type.python());
  if (type.operators_size() > 0) {
    json["operators"] = std::vector<std::string>(type.operators().begin(), type.operators().end());
  }
  for (const v1::WeightInfo& weight : type.weights()) {
    Json entry = {{"name", weight.name()}, {"shape", ShapeJson(weight.spec())}};
    if (weight.buffer()) entry["buffer"] = true;
    json["weights"].push_back(std::move(entry));
  }
  PutText(&json, "bypass", type.bypass());
  if (type.composite()) json["composite"] = true;
  if (type.has_example()) {
    Json example;
    for (const auto& spec : type.example().inputs()) example["inputs"].push_back(ShapeText(spec));
    for (const auto& [name, value] : std::map<std::string, v1::Value>(
             type.example().params().begin(), type.example().params().end())) {
      example["params"][name] = graph::ValueJson(value);
    }
    for (const auto& spec : type.example().outputs()) example["outputs"].push_back(ShapeText(spec));
    json["example"] = std::move(example);
  }
  return json;
}

}  // namespace graphkiln::cli
