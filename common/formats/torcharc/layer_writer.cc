#include "common/formats/torcharc/layer_writer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/formats/torcharc/types.h"
#include "common/ir/types.h"
#include "common/nodes/param_spec.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::formats::torcharc {
namespace {

// Types of ours that the format writes as another class: with arguments that say which, and with
// defaults that are other ones there.
struct Written {
  std::string_view type, as;
  std::string_view name = {};                                              // argument `name`
  std::vector<std::pair<std::string_view, std::optional<int>>> also = {};  // null: None
};

const std::vector<Written>& Rows() {
  static const auto* const kRows =
      new std::vector<Written>{{"Concat", "MergeConcat"},
                               {"Stack", "MergeStack", "", {{"dim", 0}}},
                               {"BMM", "MergeBMM"},
                               {"Chunk", "ForkChunk", "", {{"dim", 0}}},
                               {"Mean", "Reduce", "mean", {{"dim", std::nullopt}}},
                               {"Sum", "Reduce", "sum", {{"dim", std::nullopt}}},
                               {"Max", "Reduce", "amax"},
                               {"Min", "Reduce", "amin"},
                               {"Prod", "Reduce", "prod"},
                               {"LogSumExp", "Reduce", "logsumexp"},
                               {"ArgMax", "Reduce", "argmax", {{"dim", std::nullopt}}},
                               {"ArgMin", "Reduce", "argmin", {{"dim", std::nullopt}}},
                               {"All", "Reduce", "all"},
                               {"Any", "Reduce", "any"},
                               {"TopK", "TorchFn", "topk"},
                               {"Sort", "TorchFn", "sort"},
                               {"CumSum", "TorchFn", "cumsum"},
                               {"Abs", "TorchFn", "abs"},
                               {"Exp", "TorchFn", "exp"},
                               {"Log", "TorchFn", "log"},
                               {"Sqrt", "TorchFn", "sqrt"},
                               {"Clamp", "TorchFn", "clamp"},
                               {"Squeeze", "TorchFn", "squeeze"},
                               {"Unsqueeze", "TorchFn", "unsqueeze"},
                               {"Transpose", "TorchFn", "transpose"},
                               {"Permute", "TorchFn", "permute"},
                               {"Reshape", "TorchFn", "reshape"}};
  return *kRows;
}

// Sums and products, which the format stacks first and so takes of equal types only.
struct Merge {
  std::string_view type, as;
};
constexpr Merge kMerges[] = {{"Add", "MergeSum"}, {"Mul", "MergeProd"}};

const Written* FindWritten(std::string_view type) {
  const auto row =
      std::find_if(Rows().begin(), Rows().end(), [&](const Written& w) { return w.type == type; });
  return row == Rows().end() ? nullptr : &*row;
}

absl::Status Lacks(std::string text) { return absl::UnimplementedError(std::move(text)); }

// The value of a parameter as the file has it.
absl::StatusOr<v1::Value> Plain(const std::string& name, const v1::Value& value,
                                const compiler::Instance* instance) {
  if (value.kind_case() != v1::Value::kExpression && value.kind_case() != v1::Value::kListValue)
    return value;
  const bool computed =
      value.kind_case() == v1::Value::kExpression ||
      std::any_of(value.list_value().values().begin(), value.list_value().values().end(),
                  [](const v1::Value& v) { return v.kind_case() == v1::Value::kExpression; });
  if (!computed) return value;
  const nodes::ParamValue* known = instance == nullptr ? nullptr : instance->params.Find(name);
  if (known == nullptr)
    return Lacks(fmt::format("{} is an expression whose value is not known", name));
  return nodes::ToValue(*known);
}

absl::StatusOr<std::map<std::string, v1::Value>> Arguments(const v1::Node& node,
                                                           const ModuleType& type, bool lazy,
                                                           const compiler::Instance* instance) {
  std::map<std::string, v1::Value> out;
  const std::vector<nodes::ParamSpec> specs = ArgumentsOf(type);
  for (const auto& [name, value] : node.params()) {
    const bool taken = std::any_of(specs.begin(), specs.end(),
                                   [&](const nodes::ParamSpec& s) { return s.name == name; });
    const nodes::ParamSpec* ours = type.def == nullptr ? nullptr : type.def->FindParam(name);
    if (!taken && ours != nullptr && ours->default_value &&
        RawJson(nodes::ToValue(*ours->default_value)) == RawJson(value)) {
      continue;
    }
    if (!taken && ours != nullptr)
      return Lacks(fmt::format("{} is given where the module is called", name));
    auto plain = Plain(name, value, instance);
    if (!plain.ok()) return plain.status();
    std::string argument = name;
    if (type.row != nullptr) {
      for (const Renamed& renamed : type.row->renamed) {
        if (renamed.param == name) argument = std::string(renamed.argument);
      }
    }
    if (argument != name && plain->kind_case() == v1::Value::kNullValue) continue;
    out[argument] = *std::move(plain);
  }
  for (const nodes::ParamSpec& spec : specs) {
    if (!spec.required || lazy || node.params().contains(spec.name) || out.contains(spec.name))
      continue;
    const nodes::ParamValue* known =
        instance == nullptr ? nullptr : instance->params.Find(spec.name);
    if (known == nullptr || std::holds_alternative<std::monostate>(*known)) {
      if (type.row != nullptr && !type.row->required.empty()) {
        out[spec.name].set_null_value(v1::NULL_VALUE_UNSPECIFIED);
        continue;
      }
      return Lacks(fmt::format("{} is not known; --input gives shapes", spec.name));
    }
    out[spec.name] = nodes::ToValue(*known);
  }
  return out;
}

absl::StatusOr<Json> MergeJson(const Merge& merge, const Site& site) {
  if (site.instance == nullptr || site.program == nullptr)
    return Lacks(fmt::format("{} of unknown shapes; --input gives shapes", merge.type));
  const RareVector<compiler::Tree>& inputs = site.instance->inputs[0].items;
  for (const compiler::Tree& input : inputs) {
    if (!input.IsTensor()) return Lacks(fmt::format("{} of no tensors", merge.type));
    const ir::TensorType& first = site.program->type(inputs[0].value);
    const ir::TensorType& type = site.program->type(input.value);
    if (type != first) {
      return Lacks(fmt::format("{} of {} and {}; its {} takes equal types", merge.type,
                               ir::TypeText(first), ir::TypeText(type), merge.as));
    }
    if (!ir::IsFloating(type.dtype) && type.dtype != v1::DATA_TYPE_INT64)
      return Lacks(
          fmt::format("{} of {}; its {} gives int64", merge.type, ir::TypeText(type), merge.as));
  }
  Json layer = Json::object();
  Append(layer, merge.as, Json{{"dim", 0}});
  return layer;
}

}  // namespace

bool HasClass(std::string_view type) {
  return FindModule(type).has_value() || FindWritten(type) != nullptr;
}

absl::StatusOr<Json> LayerJson(const v1::Node& node, const Site& site) {
  for (const Merge& merge : kMerges) {
    if (merge.type == node.type()) return MergeJson(merge, site);
  }
  const compiler::Instance* instance = site.instance;
  std::string name = node.type();
  std::map<std::string, v1::Value> arguments;
  if (const auto type = FindModule(node.type())) {
    const auto absent = [&](const nodes::ParamSpec& spec) {
      return spec.inferred && !node.params().contains(spec.name);
    };
    bool lazy = false;
    if (type->def != nullptr && !LazyName(type->type).empty())
      lazy = std::any_of(type->def->params.begin(), type->def->params.end(), absent);
    ModuleType written = *type;
    written.lazy = lazy;
    name = std::string(lazy ? LazyName(type->type) : type->type);
    auto read = Arguments(node, written, lazy, instance);
    if (!read.ok()) return read.status();
    arguments = *std::move(read);
  } else {
    const Written* row = FindWritten(node.type());
    if (row == nullptr) return Lacks(fmt::format("it has no class for {}", node.type()));
    name = std::string(row->as);
    for (const auto& [param, value] : node.params()) {
      auto plain = Plain(param, value, instance);
      if (!plain.ok()) return plain.status();
      arguments[param] = *std::move(plain);
    }
    if (!row->name.empty()) arguments["name"] = TextValue(row->name);
    for (const auto& [param, value] : row->also) {
      const auto [it, added] = arguments.try_emplace(std::string(param));
      if (!added) continue;
      if (value) {
        it->second.set_int_value(*value);
      } else {
        it->second.set_null_value(v1::NULL_VALUE_UNSPECIFIED);
      }
    }
  }
  Json values = arguments.empty() ? Json(nullptr) : Json::object();
  for (const auto& [argument, value] : arguments) Append(values, argument, RawJson(value));
  Json layer = Json::object();
  Append(layer, name, std::move(values));
  return layer;
}

}  // namespace graphkiln::formats::torcharc
