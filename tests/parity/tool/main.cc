// What the parity tests need in bulk and no command of `kiln` prints: both tables, and many graphs
// compiled by one process.
//
//   kiln-parity-tool registry   {"ops": [...], "nodes": [...]}
//   kiln-parity-tool compile    one graph (native JSON) per line of stdin, one answer per line of
//   stdout
//   kiln-parity-tool fix        as compile; what was found, what was mended, the graph after it
//   kiln-parity-tool types      the same without generated code: types of all nodes and all errors
//   kiln-parity-tool call       one operator call per line: {"op": "aten.glu.default", "args":
//   [{"tensor": "float32[2, 6]"}, -1]}; the types of its results, or the error
#include <cstdio>
#include <iostream>
#include <string>

#include "common/compiler/compile.h"
#include "common/compiler/composite.h"
#include "common/compiler/repair.h"
#include "common/emit/emit.h"
#include "common/estimate/summary.h"
#include "common/graph/text.h"
#include "common/graph/writer.h"
#include "common/ir/call_builder.h"
#include "common/ir/op_def.h"
#include "common/ir/types.h"
#include "common/nodes/example.h"
#include "common/nodes/registry.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace graphkiln {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return nullptr;
  return Json::parse(text);
}

const char* PythonKind(const nodes::NodeDef& def) {
  switch (def.python.kind) {
    case nodes::Python::Kind::kModule:
      return "module";
    case nodes::Python::Kind::kFunction:
      return "function";
    case nodes::Python::Kind::kExpression:
      return "expression";
    case nodes::Python::Kind::kParameter:
      return "parameter";
    case nodes::Python::Kind::kOperator:
      break;
  }
  return "operator";
}

Json Registry() {
  Json out;
  for (const ir::OpDef* op : ir::AllOps()) {
    Json rules = Json::array();
    for (const ir::Rule& rule : op->rules)
      rules.push_back({{"label", rule.label}, {"text", rule.text}});
    out["ops"].push_back({{"name", op->name},
                          {"schema", op->schema},
                          {"rules", rules},
                          {"random", op->random},
                          {"view", op->view},
                          {"mutates", op->mutates},
                          {"differentiable", op->differentiable}});
  }
  for (const nodes::NodeDef* def : nodes::AllNodes()) {
    Json node = ToJson(nodes::Describe(*def));
    node["python_text"] = def->python.text;
    node["python_module"] = def->python.kind == nodes::Python::Kind::kModule;
    node["python_kind"] = PythonKind(*def);
    node["tuple_result"] = def->tuple_result;
    node["picks"] = def->picks;
    for (size_t i = 0; i < def->params.size(); ++i) {
      const nodes::ParamSpec& spec = def->params[i];
      node["params"][i].update({{"tensor", spec.tensor},
                                {"spelled", spec.spelled},
                                {"at_call", spec.at_call},
                                {"training_only", spec.training_only}});
    }
    for (size_t i = 0; i < def->inputs.size(); ++i)
      node["inputs"][i]["keyword"] = def->inputs[i].keyword;
    for (size_t i = 0; i < def->outputs.size(); ++i)
      node["outputs"][i].update({{"path", def->outputs[i].path}, {"many", def->outputs[i].many}});
    out["nodes"].push_back(std::move(node));
  }
  for (const v1::Composite& composite : compiler::BuiltInComposites())
    out["composites"].push_back(ToJson(compiler::Describe(composite)));
  return out;
}

Json TypeJson(const ir::TensorType& type) {
  Json shape = Json::array();
  for (const ir::Dim& dim : type.shape) {
    if (dim.IsConst()) {
      shape.push_back(dim.value());
    } else {
      shape.push_back(dim.ToString());
    }
  }
  return {{"dtype", ir::DTypeName(type.dtype)}, {"shape", shape}};
}

Json CompileLine(const std::string& line) {
  Json out;
  graph::SourceMap positions;
  std::vector<v1::Diagnostic> diagnostics;
  const auto graph = graph::ReadGraph(line, "stdin", &positions, &diagnostics);
  if (!graph.ok()) return {{"ok", false}, {"error", std::string(graph.status().message())}};
  compiler::CompileOptions options;
  options.positions = &positions;
  const compiler::CompileResult compiled = compiler::Compile(*graph, options);
  out["ok"] = compiled.ok;
  out["diagnostics"] = Json::array();
  for (const v1::Diagnostic& d : diagnostics) out["diagnostics"].push_back(ToJson(d));
  for (const v1::Diagnostic& d : compiled.diagnostics) out["diagnostics"].push_back(ToJson(d));
  if (!compiled.ok) return out;
  const auto files = emit::Generate(*graph, compiled, "python");
  if (files.ok()) out["python"] = files->front().content();
  out["outputs"] = Json::array();
  for (const ir::Output& output : compiled.module->outputs) {
    Json value = TypeJson(compiled.module->type(output.value));
    value["name"] = output.name;
    out["outputs"].push_back(std::move(value));
  }
  out["ir"] = ToJson(ir::ToProto(*compiled.module));
  out["summary"] = ToJson(*estimate::Summarize(compiled));
  return out;
}

Json FixLine(const std::string& line) {
  graph::SourceMap positions;
  std::vector<v1::Diagnostic> diagnostics;
  const auto graph = graph::ReadGraph(line, "stdin", &positions, &diagnostics);
  if (!graph.ok()) return {{"ok", false}, {"error", std::string(graph.status().message())}};
  const auto list = [](const std::vector<v1::Diagnostic>& from) {
    Json out = Json::array();
    for (const v1::Diagnostic& d : from) {
      Json fixes = Json::array();
      for (const v1::Fix& fix : d.fixes()) fixes.push_back(fix.description());
      out.push_back({{"severity", v1::Severity_Name(d.severity())},
                     {"code", d.code()},
                     {"node", d.node()},
                     {"port", d.port()},
                     {"param", d.param()},
                     {"path", d.path()},
                     {"rule", d.rule()},
                     {"message", d.message()},
                     {"fixes", fixes}});
    }
    return out;
  };
  const compiler::CompileResult found = compiler::Compile(*graph);
  const compiler::Repair repair = compiler::RepairGraph(*graph);
  Json out = {{"ok", found.ok},
              {"found", list(found.diagnostics)},
              {"applied", list(repair.applied)},
              {"valid", repair.result.ok},
              {"left", list(repair.result.diagnostics)},
              {"graph", graph::ToJson(repair.graph)}};
  // What the nodes gave before anything was mended.
  out["types"] = Json::object();
  for (const compiler::NodeTypes& node : found.nodes) {
    Json types = Json::array();
    for (const ir::TensorType& type : node.outputs) types.push_back(TypeJson(type));
    out["types"][node.id] = std::move(types);
  }
  if (repair.result.ok) {
    int64_t trainable = 0;
    const compiler::CompileResult mended = compiler::Compile(repair.graph);
    for (const ir::Parameter& p : mended.module->parameters) trainable += p.trainable;
    out["trainable"] = trainable;
    const auto files = emit::Generate(repair.graph, mended, "python");
    if (files.ok()) out["python"] = files->front().content();
  }
  return out;
}

// What the compiler knows of each node, also past errors.
Json TypesLine(const std::string& line) {
  graph::SourceMap positions;
  std::vector<v1::Diagnostic> diagnostics;
  const auto graph = graph::ReadGraph(line, "stdin", &positions, &diagnostics);
  if (!graph.ok()) return {{"ok", false}, {"error", std::string(graph.status().message())}};
  const compiler::CompileResult compiled = compiler::Compile(*graph);
  diagnostics.insert(diagnostics.end(), compiled.diagnostics.begin(), compiled.diagnostics.end());
  Json out = {{"ok", compiled.ok}, {"nodes", Json::object()}, {"faults", Json::array()}};
  for (const compiler::NodeTypes& node : compiled.nodes) {
    Json types = Json::array();
    for (const ir::TensorType& type : node.outputs) types.push_back(TypeJson(type));
    out["nodes"][node.id] = std::move(types);
  }
  out["assumptions"] = Json::array();
  for (const auto& [condition, node] : compiled.assumptions) {
    out["assumptions"].push_back({{"size", condition.size.ToString()},
                                  {"at_least", condition.at_least},
                                  {"multiple_of", condition.multiple_of},
                                  {"node", node}});
  }
  out["outputs"] = Json::array();
  if (compiled.ok) {
    for (const ir::Output& output : compiled.module->outputs) {
      out["outputs"].push_back(TypeJson(compiled.module->type(output.value)));
      out["outputs"].back()["name"] = output.name;
    }
  }
  for (const v1::Diagnostic& d : diagnostics) {
    if (d.severity() != v1::SEVERITY_ERROR) continue;
    out["faults"].push_back({{"node", d.node()},
                             {"code", d.code()},
                             {"rule", d.rule()},
                             {"param", d.param()},
                             {"port", d.port()},
                             {"message", d.message()},
                             {"expected", d.expected()},
                             {"found", d.found()}});
  }
  return out;
}

ir::Argument ToArgument(const Json& value, ir::Module& module) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    ir::Argument::List list;
    for (const Json& item : value) list.push_back(ToArgument(item, module));
    return list;
  }
  if (value.is_object()) {
    const auto type = nodes::ParseType(value["tensor"].get<std::string>());
    if (type.ok()) return module.AddValue({ir::ValueKind::kTensor, *type});
  }
  return {};
}

Json CallLine(const std::string& line) {
  const Json request = Json::parse(line);
  const ir::OpDef* op = ir::FindOp(request["op"].get<std::string>());
  if (op == nullptr) return {{"error", "no such operator"}};
  ir::Module module;
  std::vector<ir::Argument> args;
  for (const Json& arg : request["args"]) args.push_back(ToArgument(arg, module));
  ir::OpError error;
  const auto results = ir::AppendCall(module, *op, std::move(args), -1, &error);
  if (!results.ok()) return {{"error", error.message}, {"rule", error.rule}};
  Json out = {{"results", Json::array()}};
  for (const ir::ValueId id : *results) out["results"].push_back(TypeJson(module.type(id)));
  return out;
}

int Main(int argc, char** argv) {
  const std::string mode = argc == 2 ? argv[1] : "";
  if (mode == "registry") {
    std::cout << Registry().dump() << "\n";
    return 0;
  }
  const auto answer = mode == "call"      ? CallLine
                      : mode == "types"   ? TypesLine
                      : mode == "fix"     ? FixLine
                      : mode == "compile" ? CompileLine
                                          : nullptr;
  if (answer == nullptr) {
    std::cerr << "usage: kiln-parity-tool registry|compile|fix|types|call\n";
    return 2;
  }
  for (std::string line; std::getline(std::cin, line);)
    std::cout << answer(line).dump() << std::endl;
  return 0;
}

}  // namespace
}  // namespace graphkiln

int main(int argc, char** argv) { return graphkiln::Main(argc, argv); }
