#include "common/emit/python/call.h"

#include <vector>

#include "common/base/status.h"
#include "common/emit/python/names.h"
#include "common/nodes/operator_nodes.h"
#include "fmt/format.h"

namespace graphkiln::emit::python {
namespace {

using compiler::Instance;
using compiler::Tree;

constexpr std::string_view kHint = "inplace";

std::string Joined(const std::vector<std::string>& items, std::string_view separator) {
  std::string out;
  for (const std::string& item : items) {
    if (!out.empty()) out += separator;
    out += item;
  }
  return out;
}

// A placeholder's text: a port (`inputs|+` joins its values) or a parameter.
std::string Placeholder(const Instance& instance, std::string_view name, const Values& values) {
  const size_t bar = name.find('|');
  const std::string_view plain = name.substr(0, bar);
  const int port = instance.def->InputIndex(plain);
  if (port >= 0) {
    const Tree& tree = instance.inputs[static_cast<size_t>(port)];
    const nodes::ParamValue* number = instance.params.Find(plain);
    // A parameter of a port's name stands in for it.
    if (tree.kind == Tree::Kind::kNone && number != nullptr) return ValueLiteral(*number);
    if (!instance.def->inputs[static_cast<size_t>(port)].variadic) return values.Read(tree);
    std::vector<std::string> items;
    for (const Tree& item : tree.items) items.push_back(values.Read(item));
    if (bar == std::string_view::npos) return "[" + Joined(items, ", ") + "]";
    return Joined(items, fmt::format(" {} ", name.substr(bar + 1)));
  }
  const nodes::ParamValue* value = instance.params.Find(plain);
  if (value != nullptr) return ValueLiteral(*value);
  if (instance.def->FindParam(plain) == nullptr) GRAPHKILN_BUG("emit.placeholder", plain);
  return "None";
}

// A value as the constructor takes it.
std::string ArgumentText(const nodes::ParamSpec& spec, const nodes::ParamValue& value) {
  if (const std::string* text = std::get_if<std::string>(&value)) {
    for (size_t i = 0; i < spec.spelled.size(); ++i) {
      if (spec.choices[i] == *text) return spec.spelled[i];
    }
  }
  const auto* list = std::get_if<std::vector<double>>(&value);
  if (!spec.tensor || list == nullptr) return ValueLiteral(value);
  std::vector<std::string> items;
  for (const double item : *list) items.push_back(ValueLiteral(nodes::ParamValue(item)));
  return fmt::format("torch.tensor([{}])", Joined(items, ", "));
}

// One argument of an operator; empty where it is left to the schema's default.
std::string OperatorArgument(const Instance& instance, const ir::SchemaArg& arg,
                             const Values& values) {
  const int port = instance.def->InputIndex(arg.name);
  if (port >= 0) {
    const Tree& tree = instance.inputs[static_cast<size_t>(port)];
    if (tree.kind == Tree::Kind::kNone) return arg.has_default ? "" : "None";
    return Placeholder(instance, arg.name, values);
  }
  const nodes::ParamSpec* spec = instance.def->FindParam(arg.name);
  const nodes::ParamValue* value = instance.params.Find(arg.name);
  if (spec == nullptr || value == nullptr) return "";
  if (nodes::FollowsMode(arg) && instance.params.IsNull(arg.name)) return "self.training";
  if (arg.has_default && *value == spec->default_value.value_or(nodes::ParamValue())) return "";
  const int64_t* single = std::get_if<int64_t>(value);
  if (arg.type == ir::SchemaArg::Type::kIntList && single != nullptr)
    return fmt::format("({},)", *single);
  return ValueLiteral(*value);
}

// `name=value` where the value differs from the default.
void AddKeyword(const nodes::ParamSpec& spec, const nodes::Params& params,
                std::vector<std::string>& args) {
  const nodes::ParamValue* value = params.Find(spec.name);
  if (value == nullptr) return;
  if (!spec.required && *value == spec.default_value.value_or(nodes::ParamValue())) return;
  args.push_back(fmt::format("{}={}{}", spec.name, ValueLiteral(*value),
                             spec.training_only ? " if self.training else 0.0" : ""));
}

}  // namespace

std::string OperatorCall(const Instance& instance, const Values& values) {
  std::vector<std::string> args;
  bool by_name = false;
  for (const ir::SchemaArg& arg : instance.def->op->args) {
    const std::string text = OperatorArgument(instance, arg, values);
    by_name = by_name || arg.keyword_only || text.empty();
    if (text.empty()) continue;
    args.push_back(by_name ? fmt::format("{}={}", arg.name, text) : text);
  }
  return fmt::format("{}({})", instance.def->python.text, Joined(args, ", "));
}

std::string ParameterText(const Instance& instance, bool learns) {
  const nodes::Params& params = instance.params;
  const std::string shape = ValueLiteral(*params.Find("shape"));
  const std::string& init = params.Text("init");
  const auto number = [&](std::string_view name) { return ValueLiteral(*params.Find(name)); };
  std::string value = fmt::format("torch.{}({})", init == "ones" ? "ones" : "zeros", shape);
  if (init == "normal")
    value = fmt::format("torch.empty({}).normal_({}, {})", shape, number("mean"), number("std"));
  if (init == "uniform")
    value =
        fmt::format("torch.empty({}).uniform_(-{}, {})", shape, number("bound"), number("bound"));
  return fmt::format("nn.Parameter({}{})", value, learns ? "" : ", requires_grad=False");
}

std::string WeightText(std::string_view module, std::string_view name) {
  // Lists and dicts lie on the way to it.
  if (name.find('.') != std::string_view::npos)
    return fmt::format("{}.get_parameter({})", module, StringLiteral(name));
  return fmt::format("{}.{}", module, name);
}

std::string Constructor(const Instance& instance, std::string_view own_class) {
  std::vector<std::string> args;
  bool leading = true;
  for (const nodes::ParamSpec& spec : instance.def->params) {
    const nodes::ParamValue* value = instance.params.Find(spec.name);
    if (value == nullptr || spec.name == kHint || spec.at_call) {
      leading = false;
      continue;
    }
    leading = leading && (spec.required || spec.inferred);
    if (leading) {
      args.push_back(ArgumentText(spec, *value));
      continue;
    }
    const nodes::ParamValue standard = spec.default_value.value_or(nodes::ParamValue());
    if (!spec.required && !spec.inferred && *value == standard) continue;
    args.push_back(fmt::format("{}={}", spec.name, ArgumentText(spec, *value)));
  }
  return fmt::format("{}({})", own_class.empty() ? instance.def->python.text : own_class,
                     Joined(args, ", "));
}

std::string ModuleCall(const Instance& instance, std::string_view module, const Values& values) {
  std::vector<std::string> args;
  bool in_order = true;
  for (size_t i = 0; i < instance.inputs.size(); ++i) {
    const Tree& tree = instance.inputs[i];
    if (instance.composite != nullptr) {
      // The class of a composite has no argument for a port that is not connected.
      if (tree.kind != Tree::Kind::kNone) args.push_back(values.Read(tree));
      continue;
    }
    const nodes::PortSpec& port = instance.def->inputs[i];
    in_order = in_order && tree.kind != Tree::Kind::kNone && !port.keyword;
    if (tree.kind == Tree::Kind::kNone) continue;
    args.push_back(in_order ? values.Read(tree)
                            : fmt::format("{}={}", port.name, values.Read(tree)));
  }
  if (instance.def == nullptr) return fmt::format("{}({})", module, Joined(args, ", "));
  for (const nodes::ParamSpec& spec : instance.def->params) {
    if (spec.at_call) AddKeyword(spec, instance.params, args);
  }
  const bool first =
      instance.def->tuple_result && instance.def->ActiveOutputs(instance.params).size() == 1;
  return fmt::format("{}({}){}", module, Joined(args, ", "), first ? "[0]" : "");
}

bool CallIsPlain(const Instance& instance) {
  for (size_t i = 1; i < instance.inputs.size(); ++i) {
    if (instance.inputs[i].kind != Tree::Kind::kNone) return false;
  }
  for (const nodes::ParamSpec& spec : instance.def->params) {
    const nodes::ParamValue* value = instance.params.Find(spec.name);
    if (spec.at_call && value != nullptr && *value != spec.default_value) return false;
  }
  return true;
}

std::string FunctionCall(const Instance& instance, const Values& values) {
  std::vector<std::string> args;
  bool in_order = true;
  for (size_t i = 0; i < instance.inputs.size(); ++i) {
    const Tree& tree = instance.inputs[i];
    in_order = in_order && tree.kind != Tree::Kind::kNone;
    if (tree.kind == Tree::Kind::kNone) continue;
    args.push_back(in_order
                       ? values.Read(tree)
                       : fmt::format("{}={}", instance.def->inputs[i].name, values.Read(tree)));
  }
  for (const nodes::ParamSpec& spec : instance.def->params) AddKeyword(spec, instance.params, args);
  return fmt::format("{}({})", instance.def->python.text, Joined(args, ", "));
}

std::string Expression(const Instance& instance, const Values& values) {
  const nodes::Python& python = instance.def->python;
  const std::string text = python.choose != nullptr ? python.choose(instance.params) : python.text;
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t open = text.find('{', at);
    const size_t close = open == std::string::npos ? open : text.find('}', open);
    if (close == std::string::npos) return out + text.substr(at);
    out += text.substr(at, open - at);
    out += Placeholder(instance, std::string_view(text).substr(open + 1, close - open - 1), values);
    at = close + 1;
  }
  return out;
}

}  // namespace graphkiln::emit::python
