#include "common/formats/torcharc/types.h"

#include <algorithm>
#include <utility>

#include "common/base/strings.h"
#include "common/compiler/composite.h"
#include "common/nodes/lazy.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::formats::torcharc {
namespace {

constexpr std::string_view kTorch = "nn.";

// The format's own classes, and those of torch.nn that are composites here.
const std::vector<TypeRow>& Rows() {
  using Kind = TextNode::Kind;
  static const auto* const kRows = new std::vector<TypeRow>{
      {.name = "ForkChunk"},
      {.name = "ForkSplit"},
      {.name = "Get",
       .renamed = {{"key", "index", Kind::kInt}, {"key", "key", Kind::kString}},
       .otherwise = {{"index", 0}}},
      {.name = "IndexSelect", .required = {"index"}},
      {.name = "MergeBMM"},
      {.name = "MergeConcat"},
      {.name = "MergeDot"},
      {.name = "MergeFiLM"},
      {.name = "MergeMean"},
      {.name = "MergeProd"},
      {.name = "MergeStack"},
      {.name = "MergeSum"},
      {.name = "Narrow"},
      {.name = "Reduce", .required = {"dim"}},
      {.name = "TorchFn"},
      {.name = "Transformer", .unknown = {"src_is_causal", "tgt_is_causal", "memory_is_causal"}},
      {.name = "TransformerDecoderLayer",
       .required = {"d_model"},
       .unknown = {"tgt_is_causal", "memory_is_causal"}},
      {.name = "TransformerEncoderLayer", .required = {"d_model"}, .unknown = {"is_causal"}}};
  return *kRows;
}

const TypeRow* FindRow(std::string_view name) {
  for (const TypeRow& row : Rows()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

bool IsTorchClass(const nodes::NodeDef& def) {
  return def.python.kind == nodes::Python::Kind::kModule &&
         def.python.text == fmt::format("{}{}", kTorch, def.name);
}

const v1::Composite* FindComposite(std::string_view name) {
  for (const v1::Composite& composite : compiler::BuiltInComposites()) {
    if (composite.name() == name) return &composite;
  }
  return nullptr;
}

bool Holds(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::optional<ModuleType> FindModule(std::string_view name) {
  ModuleType type;
  type.row = FindRow(name);
  type.def = nodes::FindNode(name);
  if (type.def != nullptr) {
    if (type.row == nullptr && !IsTorchClass(*type.def)) return std::nullopt;
    type.type = type.def->name;
    type.lazy = type.type != name;
    return type;
  }
  if (type.row == nullptr) return std::nullopt;
  type.composite = FindComposite(name);
  if (type.composite == nullptr) return std::nullopt;
  type.type = type.composite->name();
  return type;
}

std::vector<std::string> ModuleNames() {
  std::vector<std::string> names;
  for (const nodes::NodeDef* def : nodes::AllNodes()) {
    if (IsTorchClass(*def)) names.emplace_back(def->name);
  }
  for (const nodes::LazyType& lazy : nodes::LazyTypes()) names.emplace_back(lazy.name);
  for (const TypeRow& row : Rows()) names.emplace_back(row.name);
  return names;
}

std::vector<nodes::ParamSpec> ArgumentsOf(const ModuleType& type) {
  std::vector<nodes::ParamSpec> all =
      type.def != nullptr ? type.def->params : compiler::ParamsOf(*type.composite);
  std::vector<nodes::ParamSpec> out;
  for (nodes::ParamSpec& spec : all) {
    if (spec.at_call || (spec.inferred && type.lazy)) continue;
    if (type.row != nullptr && Holds(type.row->unknown, spec.name)) continue;
    if (spec.inferred) {  // nothing is inferred where torch.nn runs the file
      spec.inferred = false;
      spec.Required();
    }
    if (type.row != nullptr && Holds(type.row->required, spec.name)) {
      spec.default_value.reset();
      spec.Required();
    }
    out.push_back(std::move(spec));
  }
  return out;
}

std::string_view LazyName(std::string_view type) {
  for (const nodes::LazyType& lazy : nodes::LazyTypes()) {
    if (lazy.type == type) return lazy.name;
  }
  return "";
}

std::vector<std::string> PortsOf(const ModuleType& type) {
  std::vector<std::string> names;
  if (type.def != nullptr) {
    for (const nodes::PortSpec& port : type.def->inputs) names.push_back(port.name);
  } else {
    for (const v1::CompositePort& port : type.composite->inputs()) names.push_back(port.name());
  }
  return names;
}

}  // namespace graphkiln::formats::torcharc
