// Reads composites: `name: {doc, params, inputs, let, constraints, nodes, outputs}`.
#include "common/graph/reader.h"
#include "common/graph/text.h"
#include "fmt/format.h"

namespace graphkiln::graph {
namespace {

void ReadParams(const TextNode& map, const std::string& path, Reader& reader, v1::Composite& out) {
  for (const TextEntry& entry : map.entries) {
    const std::string at = path + ".params." + entry.key;
    if (!reader.Expect(entry.value, TextNode::Kind::kMap, at)) continue;
    v1::CompositeParam* param = out.add_params();
    param->set_name(entry.key);
    param->set_type(reader.Text(entry.value, "type", at));
    if (param->type() != "int" && param->type() != "float" && param->type() != "bool" &&
        param->type() != "string" && param->type() != "int[]") {
      reader.Error("PARAM_RANGE", entry.value.pos, at + ".type", "unknown type of a parameter")
          .set_expected("int, float, bool, string or int[]");
    }
    param->set_doc(reader.Text(entry.value, "doc", at));
    if (const TextNode* value = entry.value.Find("default"))
      *param->mutable_default_value() = ReadValue(*value);
    if (const TextNode* low = entry.value.Find("min"); low != nullptr && low->IsNumber())
      param->set_minimum(low->AsDouble());
    if (const TextNode* high = entry.value.Find("max"); high != nullptr && high->IsNumber())
      param->set_maximum(high->AsDouble());
    if (const TextNode* choices = reader.List(entry.value, "choices", at + ".choices")) {
      for (const TextNode& choice : choices->items) {
        if (choice.IsString()) param->add_choices(choice.s);
      }
    }
    reader.Unknown(entry.value, {"type", "default", "min", "max", "choices", "doc"}, at, nullptr);
  }
}

void ReadInputs(const TextNode& map, const std::string& path, Reader& reader, v1::Composite& out) {
  for (const TextEntry& entry : map.entries) {
    const std::string at = path + ".inputs." + entry.key;
    v1::CompositePort* port = out.add_inputs();
    port->set_name(entry.key);
    if (entry.value.IsNull() || !reader.Expect(entry.value, TextNode::Kind::kMap, at)) continue;
    port->set_doc(reader.Text(entry.value, "doc", at));
    if (const TextNode* ranks = reader.List(entry.value, "ranks", at + ".ranks")) {
      for (const TextNode& rank : ranks->items) {
        if (rank.IsInt()) port->add_ranks(static_cast<int32_t>(rank.i));
      }
    }
    if (const TextNode* optional = entry.value.Find("optional");
        optional != nullptr && reader.Expect(*optional, TextNode::Kind::kBool, at + ".optional")) {
      port->set_optional(optional->b);
    }
    reader.Unknown(entry.value, {"ranks", "optional", "doc"}, at, nullptr);
  }
}

void ReadConstraints(const TextNode& list, const std::string& path, Reader& reader,
                     v1::Composite& out) {
  for (const TextNode& item : list.items) {
    if (!reader.Expect(item, TextNode::Kind::kMap, path + ".constraints")) continue;
    v1::CompositeRequirement* constraint = out.add_constraints();
    constraint->set_expression(reader.Text(item, "that", path + ".constraints"));
    constraint->set_message(reader.Text(item, "message", path + ".constraints"));
    constraint->set_param(reader.Text(item, "param", path + ".constraints"));
    constraint->set_port(reader.Text(item, "port", path + ".constraints"));
    constraint->set_rule(reader.Text(item, "rule", path + ".constraints"));
    reader.Unknown(item, {"that", "message", "param", "port", "rule"}, path + ".constraints",
                   nullptr);
  }
}

}  // namespace

v1::Composite ReadComposite(const TextEntry& entry, const std::string& path, Reader& reader) {
  v1::Composite out;
  out.set_name(entry.key);
  reader.Place(path, entry.key_pos);
  const TextNode& node = entry.value;
  if (!reader.Expect(node, TextNode::Kind::kMap, path)) return out;
  out.set_doc(reader.Text(node, "doc", path));
  if (const TextNode* since = node.Find("since"); since != nullptr && since->IsInt()) {
    out.set_since_version(static_cast<int32_t>(since->i));
  }
  out.set_init(reader.Text(node, "init", path));
  if (!out.init().empty() && out.init() != "xavier_uniform") {
    reader.Error("PARAM_RANGE", node.Find("init")->pos, path + ".init", "unknown initialisation")
        .set_expected("xavier_uniform");
  }
  if (const TextNode* params = reader.Map(node, "params", path + ".params"))
    ReadParams(*params, path, reader, out);
  StringSet ids;
  if (const TextNode* inputs = reader.Map(node, "inputs", path + ".inputs")) {
    ReadInputs(*inputs, path, reader, out);
    for (const TextEntry& input : inputs->entries) ids.insert(input.key);
  }
  if (const TextNode* let = reader.Map(node, "let", path + ".let")) {
    for (const TextEntry& binding : let->entries) {
      v1::CompositeBinding* b = out.add_let();
      b->set_name(binding.key);
      b->set_expression(binding.value.IsString() ? binding.value.s : binding.value.Describe());
    }
  }
  if (const TextNode* list = reader.List(node, "constraints", path + ".constraints"))
    ReadConstraints(*list, path, reader, out);
  const TextNode* nodes = reader.Map(node, "nodes", path + ".nodes");
  if (nodes != nullptr) {
    for (const TextEntry& inner : nodes->entries) ids.insert(inner.key);
    for (const TextEntry& inner : nodes->entries) {
      v1::CompositeNode* c = out.add_nodes();
      const std::string at = path + ".nodes." + inner.key;
      reader.Node(inner, ids, at, c->mutable_node(), {"when", "repeat", "otherwise"});
      if (!inner.value.IsMap()) continue;
      reader.Presence(inner.value, at, c);
      if (const TextNode* otherwise = inner.value.Find("otherwise"))
        *c->mutable_otherwise() = reader.Argument(*otherwise, ids, at);
    }
  }
  if (const TextNode* outputs = reader.Map(node, "outputs", path + ".outputs")) {
    reader.Outputs(*outputs, ids, path + ".outputs", out.mutable_outputs());
  }
  if (out.nodes_size() == 0 || out.outputs_size() == 0 || out.inputs_size() == 0) {
    reader.Error("MISSING_KEY", entry.key_pos, path, "a composite needs inputs, nodes and outputs");
  }
  reader.Unknown(
      node, {"doc", "since", "init", "params", "inputs", "let", "constraints", "nodes", "outputs"},
      path, nullptr);
  return out;
}

}  // namespace graphkiln::graph
