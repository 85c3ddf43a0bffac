#include "common/formats/visdl/types.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/strings.h"
#include "common/graph/encode.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::formats::visdl {
namespace {

constexpr int64_t kLast = -1;
constexpr int64_t kOutFeatures = 64;  // where a Linear does not say
constexpr std::string_view kSizes = "32,32";

const std::vector<TypeRow>& Rows() {
  static const auto* const kRows = new std::vector<TypeRow>{
      {"Linear", {"in_features", "out_features", "bias"}},
      {"ReLU"},
      {"Sigmoid"},
      {"Tanh"},
      {"GELU"},
      {"Dropout", {"p"}},
      {"BatchNorm1d", {"num_features"}},
      {"LayerNorm", {"normalized_shape"}},
      {"Split", {"split_sizes", "dim"}, {"input"}, {"output_a", "output_b"}},
      {"Concat", {"dim"}, {"input_a", "input_b"}, {""}, /*as_list=*/true},
      {"Add", {}, {"input_a", "input_b"}, {""}, /*as_list=*/true},
      {"DotProduct", {}, {"input_a", "input_b"}}};
  return *kRows;
}

// `64, 2` as two numbers; what is none of that is left for the compiler to tell.
std::optional<std::vector<int64_t>> Sizes(std::string_view text) {
  std::vector<int64_t> sizes;
  for (const std::string_view part : SplitView(text, ',')) {
    const std::string_view number = TrimView(part);
    if (number.empty() || number.size() > 15 ||
        number.find_first_not_of("0123456789") != std::string_view::npos)
      return std::nullopt;
    sizes.push_back(std::stoll(std::string(number)));
  }
  return sizes;
}

std::optional<v1::Value> PlainValue(const std::string& name, const v1::Value& value) {
  v1::Value plain = value;
  const auto& list = value.list_value().values();
  if (name == "split_sizes") {
    std::string text;
    for (const v1::Value& size : list) {
      if (size.kind_case() != v1::Value::kIntValue) return std::nullopt;
      text += fmt::format("{}{}", text.empty() ? "" : ",", size.int_value());
    }
    return TextValue(text);
  }
  if (list.size() == 1) plain = list[0];  // the shape of a LayerNorm
  if (plain.has_list_value() || plain.kind_case() == v1::Value::kExpression) return std::nullopt;
  return plain;
}

}  // namespace

const TypeRow* FindType(std::string_view name) {
  const auto row =
      std::find_if(Rows().begin(), Rows().end(), [&](const TypeRow& r) { return r.name == name; });
  return row == Rows().end() ? nullptr : &*row;
}

std::vector<std::string> TypeNames() {
  std::vector<std::string> names;
  for (const TypeRow& row : Rows()) names.emplace_back(row.name);
  return names;
}

bool IsPipeline(std::string_view name) {
  constexpr std::string_view kNames[] = {"CSVLoader",
                                         "DataSplitter",
                                         "ModelAssembly",
                                         "GraphModel",
                                         "ModelExport",
                                         "MSELoss",
                                         "CrossEntropyLoss",
                                         "L1Loss",
                                         "SGD",
                                         "Adam",
                                         "AdamW",
                                         "TrainingLoop",
                                         "Evaluator",
                                         "MetricsCollector"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

std::string_view Handle(std::string_view name) { return name == "prev_specs" ? "input" : name; }

v1::Node EntryNode(const TextNode& entry) {
  v1::Node node;
  node.set_type(entry.Find("node_type")->s);
  auto& params = *node.mutable_params();
  if (const TextNode* given = entry.Find("params")) {
    for (const TextEntry& param : given->entries) {
      if (!param.value.IsNull()) params[param.key] = RawValue(param.value);
    }
  }
  if (node.type() == "Linear" && !params.contains("out_features"))
    params["out_features"].set_int_value(kOutFeatures);
  if (node.type() == "Concat" && !params.contains("dim")) params["dim"].set_int_value(kLast);
  if (node.type() == "Split") {
    if (!params.contains("split_sizes")) params["split_sizes"] = TextValue(kSizes);
    v1::Value& sizes = params["split_sizes"];
    if (const auto read = Sizes(sizes.string_value()); read && !read->empty()) {
      sizes.mutable_list_value();
      for (const int64_t size : *read)
        sizes.mutable_list_value()->add_values()->set_int_value(size);
    }
  }
  const TextNode* disabled = entry.Find("disabled");
  if (disabled != nullptr && disabled->kind == TextNode::Kind::kBool && disabled->b)
    node.set_mode(v1::NODE_MODE_BYPASSED);
  return node;
}

std::optional<Json> PlainEntry(const v1::Node& node) {
  const TypeRow* row = FindType(node.type());
  if (row == nullptr || node.children_size() > 0 || node.mode() == v1::NODE_MODE_MUTED)
    return std::nullopt;
  const nodes::NodeDef* def = nodes::FindNode(node.type());
  std::map<std::string, v1::Value> params;
  for (const auto& [name, value] : node.params()) {
    const bool known = std::find(row->params.begin(), row->params.end(), name) != row->params.end();
    const nodes::ParamSpec* spec = def == nullptr ? nullptr : def->FindParam(name);
    if (!known && spec != nullptr && spec->default_value &&
        graph::Encode(nodes::ToValue(*spec->default_value)) == graph::Encode(value))
      continue;
    const auto plain = PlainValue(name, value);
    if (!known || !plain) return std::nullopt;
    params.emplace(name, *plain);
  }
  if (node.type() == "Concat") {
    const auto dim = params.find("dim");
    if (dim == params.end()) {
      params["dim"].set_int_value(1);
    } else if (dim->second.int_value() == kLast) {
      params.erase(dim);
    }
  }
  Json values = Json::object();
  for (const auto& [name, value] : params) Append(values, name, RawJson(value));
  Json out = Json::object();
  Append(out, "node_type", node.type());
  Append(out, "params", std::move(values));
  Append(out, "disabled", node.mode() == v1::NODE_MODE_BYPASSED);
  return out;
}

std::string Meaning(const v1::Node& node) {
  v1::Node bare;
  bare.set_type(node.type());
  bare.set_mode(node.mode() == v1::NODE_MODE_BYPASSED ? node.mode() : v1::NODE_MODE_UNSPECIFIED);
  *bare.mutable_params() = node.params();
  return graph::Encode(bare);
}

}  // namespace graphkiln::formats::visdl
