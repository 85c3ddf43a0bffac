#include "common/nodes/operator_nodes.h"

#include <memory>
#include <string>
#include <utility>

#include "common/nodes/body.h"
#include "fmt/format.h"

namespace graphkiln::nodes {
namespace {

using Type = ir::SchemaArg::Type;

bool IsPort(const ir::SchemaArg& arg) {
  return arg.type == Type::kTensor || arg.type == Type::kTensorList;
}

// Where and how a tensor lives is the run's business, not the graph's.
bool IsPlacement(const ir::SchemaArg& arg) {
  return arg.type == Type::kLayout || arg.type == Type::kDevice ||
         arg.type == Type::kMemoryFormat || arg.type == Type::kGenerator ||
         arg.name == "pin_memory";
}

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kTensor:
      return "tensor";
    case Type::kTensorList:
      return "list of tensors";
    case Type::kInt:
      return "whole number";
    case Type::kIntList:
      return "list of whole numbers";
    case Type::kFloat:
      return "floating-point number";
    case Type::kFloatList:
      return "list of floating-point numbers";
    case Type::kBool:
      return "truth value";
    case Type::kBoolList:
      return "list of 0 and 1";
    case Type::kScalar:
      return "number";
    case Type::kString:
      return "text";
    case Type::kDType:
      return "element type";
    case Type::kLayout:
    case Type::kDevice:
    case Type::kMemoryFormat:
    case Type::kGenerator:
      break;
  }
  return "placement";
}

ParamSpec SpecFor(const ir::SchemaArg& arg) {
  switch (arg.type) {
    case Type::kInt:
      return Int(arg.name);
    case Type::kIntList:
      return IntsOrInt(arg.name);
    case Type::kBoolList:
      return Ints(arg.name).Range(0, 1);
    case Type::kFloat:
      return Float(arg.name);
    case Type::kFloatList:
      return Floats(arg.name);
    case Type::kBool:
      return Bool(arg.name);
    case Type::kString:
      return Text(arg.name);
    case Type::kDType:
      return DType(arg.name);
    default:
      return Number(arg.name);
  }
}

// A default of the schema as a parameter's.
ParamValue DefaultOf(const ir::SchemaArg& arg) {
  const ir::Argument& value = arg.default_value;
  if (const bool* b = value.As<bool>()) return *b;
  if (const double* d = value.As<double>()) return *d;
  if (const std::string* s = value.As<std::string>()) return *s;
  if (const int64_t* i = value.As<int64_t>()) {
    if (arg.type == Type::kFloat) return static_cast<double>(*i);
    return *i;
  }
  const auto* list = value.As<ir::Argument::List>();
  if (list == nullptr) return std::monostate();
  std::vector<int64_t> ints;
  for (const ir::Argument& item : *list) {
    if (const int64_t* i = item.As<int64_t>()) ints.push_back(*i);
    if (const bool* b = item.As<bool>()) ints.push_back(*b ? 1 : 0);
  }
  return ints;
}

ParamSpec ParamFor(const ir::SchemaArg& arg) {
  ParamSpec spec = SpecFor(arg);
  spec.Doc(fmt::format("{}{}", TypeName(arg.type),
                       FollowsMode(arg) ? "; null: true while training" : ""));
  if (arg.optional || FollowsMode(arg)) spec.Nullable();
  if (arg.has_default && !arg.default_value.IsNone()) {
    spec.Default(DefaultOf(arg));
  } else if (!arg.optional && !FollowsMode(arg)) {
    spec.Required();
  }
  return spec;
}

ir::Argument ToArgument(const ParamValue* value, const ir::SchemaArg& arg) {
  if (value == nullptr) return {};
  if (const bool* b = std::get_if<bool>(value)) return *b;
  if (const int64_t* i = std::get_if<int64_t>(value)) {
    if (arg.type == Type::kIntList) return std::vector<int64_t>{*i};
    return *i;
  }
  if (const double* d = std::get_if<double>(value)) return *d;
  if (const std::string* s = std::get_if<std::string>(value)) return *s;
  if (const auto* dtype = std::get_if<v1::DataType>(value)) return *dtype;
  if (const auto* ints = std::get_if<std::vector<int64_t>>(value)) {
    if (arg.type != Type::kBoolList) return *ints;
    ir::Argument::List flags;
    for (const int64_t i : *ints) flags.emplace_back(i != 0);
    return flags;
  }
  if (const auto* doubles = std::get_if<std::vector<double>>(value))
    return ir::Argument::List(doubles->begin(), doubles->end());
  return {};
}

void CallOperator(Body& b) {
  const ir::OpDef& op = *b.def().op;
  std::vector<ir::Argument> args;
  for (const ir::SchemaArg& arg : op.args) {
    if (arg.type == Type::kTensor) {
      args.push_back(b.In(arg.name));
    } else if (arg.type == Type::kTensorList) {
      args.emplace_back(b.Ins(arg.name));
      if (arg.optional && !b.HasIn(arg.name)) args.back() = {};
    } else if (IsPlacement(arg)) {
      args.push_back(arg.type == Type::kDevice ? ir::Argument(ir::DeviceArg{}) : arg.default_value);
    } else if (FollowsMode(arg) && b.IsNull(arg.name)) {
      args.emplace_back(ir::TrainingArg{});
    } else {
      args.push_back(ToArgument(b.params().Find(arg.name), arg));
    }
  }
  const std::vector<ir::Argument> results = b.CallMany(op.name, std::move(args));
  if (op.returns_list) return b.ReturnAll(results);
  for (size_t i = 0; i < results.size(); ++i) b.Return(b.def().outputs[i].name, results[i]);
}

// Text that the definitions, which hold views, may point to for ever.
std::string_view Keep(std::string text) {
  static std::vector<std::unique_ptr<std::string>>* const kTexts =
      new std::vector<std::unique_ptr<std::string>>();
  kTexts->push_back(std::make_unique<std::string>(std::move(text)));
  return *kTexts->back();
}

std::string DocOf(const ir::OpDef& op) {
  std::string doc = fmt::format("The operator {}{}.", op.name, op.schema);
  for (const ir::Rule& rule : op.rules) doc += fmt::format(" {}: {}.", rule.label, rule.text);
  return doc;
}

NodeDef Derive(const ir::OpDef& op) {
  NodeDef def{.name = op.name, .category = "operator", .doc = Keep(DocOf(op))};
  def.op = &op;
  def.body = CallOperator;
  def.python = Python::Operator("torch.ops." + std::string(op.name));
  def.inputs.clear();
  for (const ir::SchemaArg& arg : op.args) {
    if (IsPort(arg)) {
      PortSpec port{.name = arg.name, .doc = std::string(TypeName(arg.type))};
      port.optional = arg.optional;
      port.variadic = arg.type == Type::kTensorList;
      port.holes = arg.optional_elements;
      def.inputs.push_back(std::move(port));
    } else if (!IsPlacement(arg)) {
      def.params.push_back(ParamFor(arg));
    }
  }
  if (op.returns_list) {
    def.outputs = {{.name = "outputs", .doc = "a tuple of tensors", .many = true}};
    return def;
  }
  def.outputs.clear();
  for (int i = 0; i < op.num_returns; ++i) {
    OutputSpec output;
    const std::string& name = op.return_names[static_cast<size_t>(i)];
    if (!name.empty()) {
      output.name = name;
    } else if (op.num_returns > 1) {
      output.name = fmt::format("output{}", i);
    }
    if (op.num_returns > 1) output.path = {i};
    def.outputs.push_back(std::move(output));
  }
  return def;
}

}  // namespace

bool IsOperatorName(std::string_view type) { return type.substr(0, 5) == "aten."; }

bool FollowsMode(const ir::SchemaArg& arg) {
  return arg.type == Type::kBool &&
         (arg.name == "train" || arg.name == "training" || arg.name == "use_input_stats");
}

const std::vector<NodeDef>& DeriveOperatorNodes() {
  static const std::vector<NodeDef>* const kNodes = [] {
    auto* nodes = new std::vector<NodeDef>();
    for (const ir::OpDef* op : ir::AllOps()) {
      if (!op->returns_number) nodes->push_back(Derive(*op));
    }
    return nodes;
  }();
  return *kNodes;
}

}  // namespace graphkiln::nodes
