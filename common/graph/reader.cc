#include "common/graph/reader.h"

#include <algorithm>
#include <utility>

#include "common/graph/text.h"
#include "fmt/format.h"

namespace graphkiln::graph {
namespace {

constexpr size_t kMaxDiagnostics = 1000;
// Warnings leave room for an error: callers look for one among what is told.
constexpr size_t kMaxWarnings = 900;

v1::Reference Reference(std::string_view text, const StringSet& ids) {
  v1::Reference reference;
  // An id wins over a port: ids are free text and may hold dots.
  const size_t dot = text.rfind('.');
  if (!ids.contains(text) && dot != std::string_view::npos && dot > 0 &&
      ids.contains(text.substr(0, dot))) {
    reference.set_node(std::string(text.substr(0, dot)));
    reference.set_port(std::string(text.substr(dot + 1)));
  } else {
    reference.set_node(std::string(text));
  }
  return reference;
}

}  // namespace

v1::Diagnostic& Reader::Add(v1::Severity severity, std::string_view code, const TextPos& pos,
                            std::string path, std::string message) {
  const size_t room = severity == v1::SEVERITY_ERROR ? kMaxDiagnostics : kMaxWarnings;
  v1::Diagnostic& diagnostic =
      diagnostics_->size() < room ? diagnostics_->emplace_back() : dropped_;
  diagnostic.Clear();
  diagnostic.set_severity(severity);
  diagnostic.set_code(std::string(code));
  diagnostic.set_message(std::move(message));
  diagnostic.set_file(file_);
  diagnostic.set_line(pos.line);
  diagnostic.set_column(pos.column);
  diagnostic.set_path(std::move(path));
  return diagnostic;
}

v1::Diagnostic& Reader::Error(std::string_view code, const TextPos& pos, std::string path,
                              std::string message) {
  return Add(v1::SEVERITY_ERROR, code, pos, std::move(path), std::move(message));
}

v1::Diagnostic& Reader::Warning(std::string_view code, const TextPos& pos, std::string path,
                                std::string message) {
  return Add(v1::SEVERITY_WARNING, code, pos, std::move(path), std::move(message));
}

bool Reader::Expect(const TextNode& node, TextNode::Kind kind, const std::string& path) {
  if (node.kind == kind) return true;
  TextNode wanted;
  wanted.kind = kind;
  v1::Diagnostic& diagnostic =
      Error("SYNTAX", node.pos, path,
            fmt::format("expected {}, found {}", wanted.KindName(), node.KindName()));
  diagnostic.set_expected(std::string(wanted.KindName()));
  diagnostic.set_found(node.Describe());
  return false;
}

const TextNode* Reader::Map(const TextNode& in, std::string_view key, const std::string& path) {
  const TextNode* node = in.Find(key);
  if (node == nullptr || node->IsNull()) return nullptr;
  return Expect(*node, TextNode::Kind::kMap, path) ? node : nullptr;
}

const TextNode* Reader::List(const TextNode& in, std::string_view key, const std::string& path) {
  const TextNode* node = in.Find(key);
  if (node == nullptr || node->IsNull()) return nullptr;
  return Expect(*node, TextNode::Kind::kList, path) ? node : nullptr;
}

std::string Reader::Text(const TextNode& in, std::string_view key, const std::string& path) {
  const TextNode* node = in.Find(key);
  if (node == nullptr || node->IsNull()) return "";
  const std::string at = path.empty() ? std::string(key) : path + "." + std::string(key);
  return Expect(*node, TextNode::Kind::kString, at) ? node->s : "";
}

void Reader::Unknown(const TextNode& map, std::initializer_list<std::string_view> known,
                     const std::string& path, v1::MapValue* extra) {
  for (const TextEntry& entry : map.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    if (extra != nullptr) {
      (*extra->mutable_fields())[entry.key] = ReadValue(entry.value);
      if (path.empty() && entry.key == kOrigin) continue;
    }
    const std::vector<std::string> names(known.begin(), known.end());
    const auto near = NearestName(entry.key, names);
    v1::Diagnostic& diagnostic =
        Warning("UNKNOWN_FIELD", entry.key_pos, path.empty() ? entry.key : path + "." + entry.key,
                fmt::format("{} has no meaning here", QuoteForMessage(entry.key)));
    diagnostic.set_found(entry.key.substr(0, 200));
    if (near) diagnostic.set_expected(*near);
  }
}

v1::Argument Reader::Argument(const TextNode& node, const StringSet& ids, const std::string& path) {
  v1::Argument argument;
  if (node.IsString()) {
    *argument.mutable_reference() = Reference(node.s, ids);
  } else if (node.IsList()) {
    argument.mutable_list();
    for (const TextNode& item : node.items)
      *argument.mutable_list()->add_items() = Argument(item, ids, path);
  } else if (node.IsMap()) {
    const TextNode* ref = node.Find("ref");
    const TextNode* value = node.Find("value");
    if (ref != nullptr && ref->IsString() && node.entries.size() <= 2) {
      argument.mutable_reference()->set_node(ref->s);
      argument.mutable_reference()->set_port(Text(node, "port", path));
    } else if (value != nullptr && node.entries.size() == 1) {
      *argument.mutable_literal() = ReadValue(*value);
    } else {
      // `{map: {...}}` is for names that would be taken for one of the notations above.
      const TextNode* wrapped = node.entries.size() == 1 ? node.Find("map") : nullptr;
      argument.mutable_map();
      for (const TextEntry& entry :
           wrapped != nullptr && wrapped->IsMap() ? wrapped->entries : node.entries) {
        v1::ArgumentEntry* out = argument.mutable_map()->add_entries();
        out->set_name(entry.key);
        *out->mutable_value() = Argument(entry.value, ids, path + "." + entry.key);
      }
    }
  } else {
    *argument.mutable_literal() = ReadValue(node);
  }
  return argument;
}

void Reader::NodeInputs(const TextNode& node, const StringSet& ids, const std::string& path,
                        v1::Node* out) {
  if (node.IsMap() && node.Find("ref") == nullptr) {
    for (const TextEntry& entry : node.entries) {
      Place(path + ".in." + entry.key, entry.value.pos);
      v1::NodeInput* input = out->add_inputs();
      input->set_port(entry.key);
      *input->mutable_value() = Argument(entry.value, ids, path + ".in." + entry.key);
    }
  } else if (node.IsList()) {
    for (const TextNode& item : node.items)
      *out->add_inputs()->mutable_value() = Argument(item, ids, path + ".in");
  } else if (!node.IsNull()) {
    *out->add_inputs()->mutable_value() = Argument(node, ids, path + ".in");
  }
}

void Reader::Params(const TextNode& map, const std::string& path, v1::Node* out) {
  for (const TextEntry& entry : map.entries) {
    Place(path + ".params." + entry.key, entry.key_pos);
    (*out->mutable_params())[entry.key] = ReadValue(entry.value);
  }
}

void Reader::Presence(const TextNode& node, const std::string& path, v1::CompositeNode* out) {
  out->set_when(Text(node, "when", path));
  const TextNode* repeat = node.Find("repeat");
  if (repeat != nullptr) out->set_repeat(repeat->IsString() ? repeat->s : repeat->Describe());
}

void Reader::Children(const TextNode& node, const std::string& path, v1::Node* out) {
  const auto child = [&](const std::string& id, const TextPos& pos, const TextNode& value,
                         const std::string& at) {
    v1::CompositeNode* c = out->add_children();
    Node(id, pos, value, {}, at, c->mutable_node(), {"when", "repeat"});
    if (value.IsMap()) Presence(value, at, c);
  };
  if (node.IsList()) {
    for (size_t i = 0; i < node.items.size(); ++i) {
      const TextNode& item = node.items[i];
      child("", item.pos, item, fmt::format("{}.children.{}", path, i));
    }
  } else if (Expect(node, TextNode::Kind::kMap, path + ".children")) {
    for (const TextEntry& entry : node.entries)
      child(entry.key, entry.key_pos, entry.value, path + ".children." + entry.key);
  }
}

void Reader::Node(const std::string& id, const TextPos& pos, const TextNode& node,
                  const StringSet& ids, const std::string& path, v1::Node* out,
                  std::initializer_list<std::string_view> more_keys) {
  out->set_id(id);
  Place(path, pos);
  const auto at_node = [&](v1::Diagnostic& diagnostic) -> v1::Diagnostic& {
    diagnostic.set_node(id);
    return diagnostic;
  };
  const size_t before = diagnostics_->size();
  if (!Expect(node, TextNode::Kind::kMap, path)) {
    if (diagnostics_->size() > before) at_node(diagnostics_->back());
    return;
  }
  const TextNode* type = node.Find("type");
  if (type == nullptr || type->IsNull()) {
    at_node(Error("MISSING_KEY", pos, path + ".type", "the node has no type"))
        .set_expected("type: TYPE");
  } else if (Expect(*type, TextNode::Kind::kString, path + ".type")) {
    Place(path + ".type", type->pos);
    out->set_type(type->s);
  }
  if (const TextNode* in = node.Find("in")) {
    Place(path + ".in", in->pos);
    NodeInputs(*in, ids, path, out);
  }
  if (const TextNode* params = Map(node, "params", path + ".params")) Params(*params, path, out);
  if (const TextNode* module = node.Find("module")) Place(path + ".module", module->pos);
  if (const TextNode* children = node.Find("children")) Children(*children, path, out);
  out->set_module(Text(node, "module", path));
  out->set_name(Text(node, "name", path));
  out->set_doc(Text(node, "doc", path));
  const std::string mode = Text(node, "mode", path);
  if (mode == "bypassed") {
    out->set_mode(v1::NODE_MODE_BYPASSED);
  } else if (mode == "muted") {
    out->set_mode(v1::NODE_MODE_MUTED);
  } else if (!mode.empty() && mode != "normal") {
    Error("PARAM_RANGE", node.Find("mode")->pos, path + ".mode", "unknown mode")
        .set_expected("normal, bypassed or muted");
  }
  const std::string compile = Text(node, "compile", path);
  if (compile == "freeze") {
    out->set_compile_mode(v1::COMPILE_MODE_FREEZE);
  } else if (compile == "constant") {
    out->set_compile_mode(v1::COMPILE_MODE_CONSTANT);
  } else if (compile == "export") {
    out->set_compile_mode(v1::COMPILE_MODE_EXPORT);
  } else if (!compile.empty() && compile != "runtime") {
    v1::Diagnostic& diagnostic =
        Error("PARAM_RANGE", node.Find("compile")->pos, path + ".compile",
              fmt::format("{} is no compile mode", QuoteForMessage(compile)));
    diagnostic.set_param("compile");
    diagnostic.set_expected("runtime, freeze, constant or export");
    diagnostic.set_found(compile.substr(0, 200));
  }
  std::vector<std::string_view> known = {"type", "in",   "params",  "module",  "name",
                                         "doc",  "mode", "compile", "children"};
  known.insert(known.end(), more_keys.begin(), more_keys.end());
  for (const TextEntry& field : node.entries) {
    if (std::find(known.begin(), known.end(), field.key) != known.end()) continue;
    (*out->mutable_extra()->mutable_fields())[field.key] = ReadValue(field.value);
    if (field.key == kOrigin) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    v1::Diagnostic& diagnostic =
        Warning("UNKNOWN_FIELD", field.key_pos, path + "." + field.key,
                fmt::format("{} has no meaning in a node", QuoteForMessage(field.key)));
    diagnostic.set_found(field.key.substr(0, 200));
    if (const auto near = NearestName(field.key, names)) diagnostic.set_expected(*near);
  }
  for (size_t i = before; i < diagnostics_->size(); ++i) (*diagnostics_)[i].set_node(id);
}

void Reader::Outputs(const TextNode& map, const StringSet& ids, const std::string& path,
                     google::protobuf::RepeatedPtrField<v1::GraphOutput>* out) {
  for (const TextEntry& entry : map.entries) {
    Place(path + "." + entry.key, entry.value.pos);
    v1::GraphOutput* output = out->Add();
    output->set_name(entry.key);
    *output->mutable_value() = Argument(entry.value, ids, path + "." + entry.key);
  }
}

}  // namespace graphkiln::graph
