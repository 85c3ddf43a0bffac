#include "common/formats/torcharc/module_spec.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/strings.h"
#include "common/compiler/composite.h"
#include "common/formats/raw.h"
#include "common/graph/limits.h"
#include "common/nodes/given_params.h"
#include "fmt/format.h"

namespace graphkiln::formats::torcharc {
namespace {

// Of all modules together; rows of a compact table times its layers.
constexpr int kMaxLayers = graph::kMostNodes;
// Comparing many wrong names with all right ones takes time.
constexpr int kMostSuggestions = 100;

bool IsGroup(std::string_view key) { return key == "Sequential" || key == "compact"; }

std::string KeysOf(const TextNode& map) {
  std::string out;
  for (size_t i = 0; i < map.entries.size() && i < 8; ++i)
    out += fmt::format("{}{}", i == 0 ? "" : ", ", map.entries[i].key.substr(0, 80));
  return out;
}

}  // namespace

v1::Diagnostic& SpecReader::Error(std::string_view code, const TextPos& pos,
                                  const std::string& path, std::string message, ModuleSpec* spec) {
  spec->ok = false;
  v1::Diagnostic& diagnostic = report_.Error(code, pos, path, std::move(message));
  diagnostic.set_node(name_);
  return diagnostic;
}

bool SpecReader::Room(const TextPos& pos, const std::string& path, ModuleSpec* spec) {
  if (++layers_ <= kMaxLayers) return true;
  if (layers_ == kMaxLayers + 1)
    Error("LIMIT", pos, path, fmt::format("the modules hold more than {} layers", kMaxLayers),
          spec);
  spec->ok = false;
  return false;
}

v1::Node* SpecReader::Child(ModuleSpec* spec, std::string* part) {
  *part = fmt::format("/Sequential.{}", spec->node.children_size());
  return spec->node.add_children()->mutable_node();
}

void SpecReader::KeysOtherThan(std::initializer_list<std::string_view> known, const TextNode& map,
                               const std::string& path) {
  // The file itself keeps them: the module is written back as it was read.
  report_.Unknown(map, known, path, nullptr);
}

void SpecReader::Check(const ModuleType& type, const TextPos& pos, const std::string& path,
                       const std::string& part, ModuleSpec* spec, v1::Node* out) {
  const std::vector<nodes::ParamSpec> specs = ArgumentsOf(type);
  const std::vector<nodes::ParamSpec> ours =
      type.def != nullptr ? type.def->params : compiler::ParamsOf(*type.composite);
  const nodes::GivenParams given = nodes::ViewOf(out->params());
  nodes::Params params;
  nodes::ResolveParams(specs, given, &params, [&](nodes::ParamIssue issue) {
    // What the compiler finds, too, it finds with a fix.
    const bool only_format = std::any_of(ours.begin(), ours.end(), [&](const nodes::ParamSpec& s) {
      return s.name == issue.param &&
             (issue.code == "UNKNOWN_PARAM" || (issue.code == "MISSING_PARAM" && !s.required));
    });
    if (compiled_ && !only_format) return;
    TextPos at = pos;
    std::string place = path;
    const std::string wanted = part + ".params." + issue.param;
    // The layer's own spots are the last ones.
    for (auto spot = spec->spots.rbegin(); spot != spec->spots.rend() && spot->part != part;
         ++spot) {
      if (spot->part != wanted) continue;
      at = spot->pos;
      place = spot->path;
    }
    v1::Diagnostic& diagnostic = Error(issue.code, at, place, std::move(issue.message), spec);
    diagnostic.set_param(issue.param);
    diagnostic.set_expected(issue.expected);
    diagnostic.set_found(issue.found);
    if (issue.code != "MISSING_PARAM" || type.lazy || LazyName(type.type).empty()) return;
    diagnostic.set_expected(fmt::format(
        "{}, or {}", diagnostic.expected().empty() ? issue.param : diagnostic.expected(),
        LazyName(type.type)));
  });
}

bool SpecReader::Build(std::string_view name, const TextPos& pos, const std::string& path,
                       const std::string& part, ModuleSpec* spec, v1::Node* out) {
  spec->spots.push_back({part, pos, path});
  spec->spots.push_back({part + ".type", pos, path});
  const auto type = FindModule(name);
  if (type) {
    out->set_type(std::string(type->type));
    return true;
  }
  v1::Diagnostic& diagnostic =
      IsGroup(name)
          ? Error("UNKNOWN_TYPE", pos, path,
                  fmt::format("{} cannot stand here: a plain layer is expected", name), spec)
          : Error("UNKNOWN_TYPE", pos, path,
                  fmt::format("TorchArc has no class {}", QuoteForMessage(name)), spec);
  diagnostic.set_found(std::string(name.substr(0, 200)));
  if (!IsGroup(name) && ++suggestions_ <= kMostSuggestions) {
    if (const auto near = NearestName(name, ModuleNames())) diagnostic.set_expected(*near);
  }
  return false;
}

void SpecReader::Argument(const ModuleType& type, std::string_view name, const TextNode& value,
                          const TextPos& pos, const std::string& path, const std::string& part,
                          ModuleSpec* spec, v1::Node* out) {
  std::string_view param = name;
  if (type.row != nullptr) {
    for (const Renamed& renamed : type.row->renamed) {
      if (renamed.argument == name && renamed.kind == value.kind) param = renamed.param;
    }
  }
  spec->spots.push_back({fmt::format("{}.params.{}", part, param), pos, path});
  (*out->mutable_params())[std::string(param)] = RawValue(value);
}

bool SpecReader::Layer(const TextNode& value, const std::string& path, std::string_view where,
                       const std::string& part, ModuleSpec* spec, v1::Node* out) {
  if (!Room(value.pos, path, spec)) return false;
  if (!value.IsMap() || value.entries.size() != 1) {
    v1::Diagnostic& diagnostic = Error(
        "SYNTAX", value.pos, path,
        value.IsMap() ? fmt::format("{} has exactly one class, found {}: {}", where,
                                    value.entries.size(), KeysOf(value))
                      : fmt::format("{} is a map of one class, found {}", where, value.KindName()),
        spec);
    diagnostic.set_expected("one class, such as Linear:");
    diagnostic.set_found(value.Describe());
    return false;
  }
  const TextEntry& entry = value.entries[0];
  const std::string at = path + "." + entry.key;
  if (!Build(entry.key, entry.key_pos, at, part, spec, out)) return false;
  const ModuleType type = *FindModule(entry.key);
  if (!entry.value.IsMap() && !entry.value.IsNull()) {
    Error("SYNTAX", entry.value.pos, at,
          fmt::format("the arguments of {} are a map, found {}", entry.key, entry.value.KindName()),
          spec)
        .set_expected("a map of arguments");
    return false;
  }
  for (const TextEntry& argument : entry.value.entries) {
    Argument(type, argument.key, argument.value, argument.key_pos, at + "." + argument.key, part,
             spec, out);
  }
  if (type.row != nullptr && type.row->otherwise && out->params().empty())
    (*out->mutable_params())[std::string(type.row->otherwise->first)].set_int_value(
        type.row->otherwise->second);
  Check(type, entry.key_pos, at, part, spec, out);
  if (part.empty()) {
    spec->ports = PortsOf(type);
    spec->one_list =
        type.def != nullptr && type.def->inputs.size() == 1 && type.def->inputs[0].variadic;
  }
  return true;
}

bool SpecReader::Layers(const TextNode& list, const std::string& path, std::string_view where,
                        ModuleSpec* spec) {
  if (!list.IsList()) {
    v1::Diagnostic& diagnostic =
        Error("SYNTAX", list.pos, path,
              fmt::format("{} holds a list of layers, found {}", where, list.KindName()), spec);
    diagnostic.set_expected("a list");
    diagnostic.set_found(list.Describe());
    return false;
  }
  for (size_t i = 0; i < list.items.size() && layers_ <= kMaxLayers; ++i) {
    std::string part;
    v1::Node* child = Child(spec, &part);
    Layer(list.items[i], fmt::format("{}[{}]", path, i), fmt::format("a layer of {}", where), part,
          spec, child);
  }
  return true;
}

void SpecReader::Compact(const TextNode& value, const TextPos& pos, const std::string& path,
                         ModuleSpec* spec) {
  const TextNode* layer = value.Find("layer");
  if (layer == nullptr || !layer->IsMap()) {
    v1::Diagnostic& diagnostic =
        Error("MISSING_KEY", layer == nullptr ? pos : layer->pos, path,
              "compact needs `layer`, a map with type, keys and args", spec);
    diagnostic.set_expected("layer: {type: TYPE, keys: [...], args: [...]}");
    diagnostic.set_found(value.IsMap() ? KeysOf(value) : value.Describe());
    return;
  }
  KeysOtherThan({"prelayer", "layer", "postlayer"}, value, path);
  const std::string at = path + ".layer";
  KeysOtherThan({"type", "keys", "args"}, *layer, at);
  const TextNode* type = layer->Find("type");
  const TextNode* keys = layer->Find("keys");
  const TextNode* args = layer->Find("args");
  const auto want = [&](const TextNode* node, TextNode::Kind kind, std::string_view key) {
    if (node != nullptr && node->kind == kind) return true;
    TextNode wanted;
    wanted.kind = kind;
    v1::Diagnostic& diagnostic =
        Error(node == nullptr ? "MISSING_KEY" : "SYNTAX", node == nullptr ? layer->pos : node->pos,
              node == nullptr ? at : fmt::format("{}.{}", at, key),
              fmt::format("layer needs `{}`, {}", key, wanted.KindName()), spec);
    diagnostic.set_expected(fmt::format("{}: {}", key, wanted.KindName()));
    if (node != nullptr) diagnostic.set_found(node->Describe());
    return false;
  };
  const bool has_type = want(type, TextNode::Kind::kString, "type");
  const bool has_keys = want(keys, TextNode::Kind::kList, "keys");
  if (!want(args, TextNode::Kind::kList, "args") || !has_type || !has_keys) return;
  for (size_t i = 0; i < keys->items.size(); ++i) {
    const TextNode& key = keys->items[i];
    if (key.IsString()) continue;
    Error("SYNTAX", key.pos, fmt::format("{}.keys[{}]", at, i), "a key names an argument", spec)
        .set_found(key.Describe());
  }
  if (!spec->ok) return;
  for (size_t row = 0; row < args->items.size() && layers_ <= kMaxLayers; ++row) {
    for (const char* around : {"prelayer", "", "postlayer"}) {
      if (*around != '\0') {
        const TextNode* layers = value.Find(around);
        if (layers == nullptr || layers->IsNull()) continue;
        if (!Layers(*layers, fmt::format("{}.{}", path, around), around, spec)) return;
        continue;
      }
      const TextNode& values = args->items[row];
      const std::string place = fmt::format("{}.args[{}]", at, row);
      const size_t count = values.IsList() ? values.items.size() : 1;
      if (count != keys->items.size()) {
        v1::Diagnostic& diagnostic =
            Error("ARITY", values.pos, place,
                  fmt::format("a row has one value for each of keys: {} expected, {} found",
                              keys->items.size(), count),
                  spec);
        diagnostic.set_expected(fmt::format("{} values", keys->items.size()));
        diagnostic.set_found(fmt::format("{} values", count));
        continue;
      }
      if (!Room(values.pos, place, spec)) return;
      std::string part;
      v1::Node* child = Child(spec, &part);
      if (!Build(type->s, type->pos, at + ".type", part, spec, child)) return;
      const ModuleType found = *FindModule(type->s);
      for (size_t i = 0; i < count; ++i) {
        const TextNode& item = values.IsList() ? values.items[i] : values;
        Argument(found, keys->items[i].s, item, item.pos,
                 values.IsList() ? fmt::format("{}[{}]", place, i) : place, part, spec, child);
      }
      Check(found, values.pos, place, part, spec, child);
    }
    if (row == 0 && !spec->ok) return;  // all rows have the same layers around them
  }
}

ModuleSpec SpecReader::Read(std::string_view name, const TextNode& value, bool used) {
  ModuleSpec spec;
  name_ = std::string(name);
  compiled_ = false;
  const std::string path = fmt::format("modules.{}", name);
  const TextEntry* group = nullptr;
  for (const TextEntry& entry : value.entries) {
    if (group == nullptr && IsGroup(entry.key)) group = &entry;
  }
  if (group == nullptr) {
    compiled_ = used;
    Layer(value, path, "a module", "", &spec, &spec.node);
    return spec;
  }
  spec.node.set_type("Sequential");
  spec.ports = {"input"};
  const std::string at = path + "." + group->key;
  spec.spots.push_back({"", group->key_pos, at});
  if (value.entries.size() > 1) {
    v1::Diagnostic& diagnostic = Error(
        "SYNTAX", value.pos, path,
        fmt::format("no other key stands beside {}, found {}", group->key, KeysOf(value)), &spec);
    diagnostic.set_expected(group->key);
    diagnostic.set_found(KeysOf(value));
  } else if (group->key == "compact") {
    Compact(group->value, group->key_pos, at, &spec);
  } else if (!group->value.IsNull()) {
    Layers(group->value, at, "Sequential", &spec);
  }
  return spec;
}

}  // namespace graphkiln::formats::torcharc
