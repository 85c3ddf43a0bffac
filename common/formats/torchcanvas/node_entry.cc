#include "common/formats/torchcanvas/node_entry.h"

#include <map>

#include "common/graph/encode.h"

namespace graphkiln::formats::torchcanvas {

ReadNode EntryNode(const TextNode& entry) {
  v1::Node node;
  node.set_type(entry.Find("type")->s);
  if (const TextNode* params = entry.Find("params")) {
    for (const TextEntry& param : params->entries)
      (*node.mutable_params())[param.key] = RawValue(param.value);
  }
  if (node.type() != "Output") return Translate(std::move(node));
  const auto classes = node.params().find("num_classes");
  ReadNode out;
  out.node.set_type(classes == node.params().end() ? "Identity" : "Linear");
  for (const auto& [name, value] : node.params())
    (*out.node.mutable_params())[name == "num_classes" ? "out_features" : name] = value;
  return out;
}

std::optional<Json> PlainEntry(const v1::Node& node) {
  const auto back = TranslateBack(node);
  if (!back) return std::nullopt;
  Json params = Json::object();
  const std::map<std::string, v1::Value> sorted(back->params().begin(), back->params().end());
  for (const auto& [name, value] : sorted) Append(params, name, RawJson(value));
  Json out = Json::object();
  Append(out, "type", node.type());
  Append(out, "params", std::move(params));
  return out;
}

std::string Meaning(const v1::Node& node) {
  v1::Node bare;
  bare.set_type(node.type());
  *bare.mutable_params() = node.params();
  return graph::Encode(bare);
}

}  // namespace graphkiln::formats::torchcanvas
