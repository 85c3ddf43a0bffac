#include "common/formats/torchcanvas/types.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/graph/encode.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::formats::torchcanvas {
namespace {

constexpr int kMany = 1 << 20;

const std::vector<TypeRow>& Rows() {
  static const auto* const kRows = new std::vector<TypeRow>{
      {"Conv1d", {"out_channels", "kernel_size", "stride", "padding"}, Layout::kChannelsFirst},
      {"Conv2d", {"out_channels", "kernel_size", "stride", "padding"}, Layout::kChannelsFirst},
      {"BatchNorm1d", {"num_features"}, Layout::kChannelsFirst},
      {"BatchNorm2d", {"num_features"}, Layout::kChannelsFirst},
      {"ReLU"},
      {"Sigmoid"},
      {"Tanh"},
      {"MaxPool1d", {"kernel_size", "stride"}, Layout::kChannelsFirst},
      {"MaxPool2d", {"kernel_size", "stride"}, Layout::kChannelsFirst},
      {"AvgPool2d", {"kernel_size", "stride"}, Layout::kChannelsFirst},
      {"Linear", {"out_features", "bias"}, Layout::kOther},
      {"Dropout", {"p"}},
      {"Flatten", {"start_dim", "end_dim"}, Layout::kOther},
      {.name = "Concat", .params = {"dim"}, .at_least = 2, .at_most = kMany},
      {.name = "Add", .at_least = 2, .at_most = 2},
      {"Permute_BCT_to_BTH", {}, Layout::kTimeFirst},
      {"Permute_BTH_to_BCT", {}, Layout::kChannelsFirst},
      {"GRUBlock",
       {"hidden_size", "num_layers", "bidirectional", "out"},
       Layout::kOther,
       /*reads_time_first=*/true},
      {.name = "GRUBlockH0",
       .params = {"hidden_size", "num_layers", "bidirectional", "out"},
       .layout = Layout::kOther,
       .reads_time_first = true,
       .at_most = 2},
      {"SEBlock", {"reduction"}, Layout::kChannelsFirst},
      {"ResidualBlock", {"out_channels", "kernel_size", "stride"}, Layout::kChannelsFirst},
      {"VGGBlock", {"c1", "c2", "kernel_size", "k", "use_lrn", "pool"}, Layout::kChannelsFirst}};
  return *kRows;
}

const v1::Value* Find(const v1::Node& node, const std::string& name) {
  const auto it = node.params().find(name);
  return it == node.params().end() ? nullptr : &it->second;
}

std::optional<int64_t> Int(const v1::Node& node, const std::string& name, int64_t otherwise) {
  const v1::Value* value = Find(node, name);
  if (value == nullptr) return otherwise;
  if (value->kind_case() == v1::Value::kIntValue) return value->int_value();
  return std::nullopt;
}

// Whole numbers in a text, as one of the dialects writes paddings.
std::optional<int64_t> Number(const std::string& text) {
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos)
    return std::nullopt;
  return std::stoll(text);
}

void Set(v1::Node& node, const std::string& name, int64_t value) {
  (*node.mutable_params())[name].set_int_value(value);
}

void Convolution(ReadNode& out) {
  v1::Node& node = out.node;
  const v1::Value* padding = Find(node, "padding");
  const bool text = padding != nullptr && padding->kind_case() == v1::Value::kStringValue;
  if (text) {
    if (const auto number = Number(padding->string_value())) return Set(node, "padding", *number);
    if (padding->string_value() == "valid") return Set(node, "padding", 0);
  }
  if (padding != nullptr && (!text || padding->string_value() != "same")) return;
  const std::optional<int64_t> kernel = Int(node, "kernel_size", 0);
  const std::optional<int64_t> stride = Int(node, "stride", 1);
  (*node.mutable_params())["padding"].set_string_value("same");
  if (!kernel || !stride || *kernel < 1 || *stride < 1) return;
  if (*kernel % 2 == 0) {
    out.even_same = true;
    out.even_padding = *kernel / 2;
  }
  if (*stride == 1) return;
  // PyTorch has `same` for steps of 1 only.
  Set(node, "padding", *kernel % 2 == 0 ? 0 : *kernel / 2);
  if (*kernel % 2 == 0) out.pad = {(*kernel - 1) / 2, *kernel / 2};
}

bool IsConvolution(std::string_view type) { return type == "Conv1d" || type == "Conv2d"; }

}  // namespace

const TypeRow* FindType(std::string_view name) {
  const auto row =
      std::find_if(Rows().begin(), Rows().end(), [&](const TypeRow& r) { return r.name == name; });
  return row == Rows().end() ? nullptr : &*row;
}

std::vector<std::string> TypeNames() {
  std::vector<std::string> names = {"Input", "Output"};
  for (const TypeRow& row : Rows()) names.emplace_back(row.name);
  return names;
}

ReadNode Translate(v1::Node node) {
  ReadNode out;
  out.node = std::move(node);
  if (IsConvolution(out.node.type())) Convolution(out);
  if (out.node.type().starts_with("BatchNorm") && Int(out.node, "num_features", 0) == 0)
    out.node.mutable_params()->erase("num_features");
  if (out.node.type() == "VGGBlock") {
    // `k` is the older spelling, of a block without batch norm; of two, one must be the other's.
    const auto k = out.node.params().find("k");
    if (k != out.node.params().end()) {
      const v1::Value value = k->second;
      const v1::Value* kernel = Find(out.node, "kernel_size");
      if (kernel == nullptr || graph::Encode(*kernel) == graph::Encode(value)) {
        out.node.mutable_params()->erase("k");
        (*out.node.mutable_params())["kernel_size"] = value;
        (*out.node.mutable_params())["norm"].set_string_value("none");
      }
    }
  }
  return out;
}

std::optional<v1::Node> TranslateBack(const v1::Node& node) {
  const TypeRow* row = FindType(node.type());
  if (row == nullptr || node.children_size() > 0) return std::nullopt;
  v1::Node out;
  out.set_id(node.id());
  out.set_type(node.type());
  const nodes::NodeDef* def = nodes::FindNode(node.type());
  for (const auto& [name, value] : node.params()) {
    v1::Value plain = value;
    if (name == "norm" && node.type() == "VGGBlock") {
      if (value.string_value() == "none") {
        const v1::Value* kernel = Find(node, "kernel_size");
        Set(out, "k", 3);
        if (kernel != nullptr) (*out.mutable_params())["k"] = *kernel;
      }
      continue;
    }
    if (name == "kernel_size" && out.params().contains("k")) continue;
    const nodes::ParamSpec* spec = def == nullptr ? nullptr : def->FindParam(name);
    const bool known = std::find(row->params.begin(), row->params.end(), name) != row->params.end();
    if (spec != nullptr && spec->inferred && !known) continue;  // whoever reads it infers it, too
    const auto& list = value.list_value().values();
    const bool equal = list.size() > 0 && std::all_of(list.begin(), list.end(), [&](const auto& v) {
                         return graph::Encode(v) == graph::Encode(list[0]);
                       });
    if (equal) plain = list[0];
    if (!known && spec != nullptr && spec->default_value &&
        graph::Encode(nodes::ToValue(*spec->default_value)) == graph::Encode(plain)) {
      continue;
    }
    if (!known || plain.has_list_value() || plain.kind_case() == v1::Value::kExpression)
      return std::nullopt;
    (*out.mutable_params())[name] = std::move(plain);
  }
  if (out.params().contains("k")) out.mutable_params()->erase("kernel_size");
  if (IsConvolution(node.type()) && !node.params().contains("padding")) Set(out, "padding", 0);
  return out;
}

}  // namespace graphkiln::formats::torchcanvas
