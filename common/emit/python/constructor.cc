#include "common/emit/python/constructor.h"

#include <numeric>
#include <utility>
#include <vector>

#include "common/emit/python/call.h"
#include "common/emit/python/names.h"
#include "fmt/format.h"

namespace graphkiln::emit::python {

using compiler::CompileResult;
using compiler::Instance;

namespace {

// `layers.3` of a repeated node: a list attribute and a position. Modules of named groups have
// several: `enc.left.conv`.
struct Attribute {
  std::string name;
  std::string position;  // empty for a plain attribute
};

Attribute AttributeOf(std::string_view identifier) {
  const size_t dot = identifier.find('.');
  if (dot == std::string_view::npos) return {std::string(identifier), ""};
  return {std::string(identifier.substr(0, dot)), std::string(identifier.substr(dot + 1))};
}

// One attribute: a module or parameter, or a list of them.
struct Group {
  std::string name;
  std::vector<std::pair<std::string, std::string>>
      items;  // position and constructor; one plain item otherwise
  std::vector<std::string> paths;
  std::string_view kind = "Module";
};

// Weights of nodes that are frozen, constant or exported do not learn; neither do those of others
// that share them.
bool Learns(const Instance& instance) {
  return instance.compile_mode == v1::COMPILE_MODE_UNSPECIFIED ||
         instance.compile_mode == v1::COMPILE_MODE_RUNTIME;
}

std::vector<Group> GroupsOf(const CompileResult& compiled, const Scope& scope,
                            const std::function<std::string(int)>& module_text, Imports& imports) {
  std::vector<Group> groups;
  StringMap<size_t> lists;
  StringSet frozen;  // Parameters, by weights path
  for (const int child : scope.children) {
    const Instance& instance = compiled.instances[static_cast<size_t>(child)];
    if (IsParameter(instance) && !Learns(instance)) frozen.insert(instance.weights_path);
  }
  for (const int child : scope.children) {
    const Instance& instance = compiled.instances[static_cast<size_t>(child)];
    if (!HasAttribute(compiled, instance)) continue;
    const Attribute attribute = AttributeOf(instance.identifier);
    size_t at = groups.size();
    if (!attribute.position.empty()) at = lists.emplace(attribute.name, at).first->second;
    if (at == groups.size()) groups.push_back({attribute.name, {}, {}});
    if (IsParameter(instance)) groups[at].kind = "Parameter";
    const std::string constructor =
        IsParameter(instance) ? ParameterText(instance, !frozen.contains(instance.weights_path))
                              : module_text(child);
    imports.torch = imports.torch || constructor.find("torch.") != std::string::npos;
    groups[at].items.emplace_back(attribute.position, constructor);
    groups[at].paths.push_back(instance.weights_path);
  }
  return groups;
}

// One attribute of several: the constructor of the list or dict that `items` make, by what stands
// in their positions from `from` on. Names have few dots, so groups nest little.
std::string GroupText(const Group& group, const std::vector<size_t>& items, size_t from,
                      const std::string& place, StringMap<std::string>& access) {
  // By the first part of the position, in order of appearance.
  std::vector<std::pair<std::string, std::vector<size_t>>> parts;
  StringMap<size_t> places;
  for (const size_t i : items) {
    const std::string& position = group.items[i].first;
    std::string part = position.substr(from, position.find('.', from) - from);
    const auto [it, fresh] = places.emplace(part, parts.size());
    if (fresh) parts.push_back({std::move(part), {}});
    parts[it->second].second.push_back(i);
  }
  // Positions without a gap make a list; others (a repeated node that is a module only at times) a
  // dict.
  bool dense = true;
  for (size_t i = 0; i < parts.size(); ++i) dense = dense && parts[i].first == std::to_string(i);
  std::string text;
  for (const auto& [part, inside] : parts) {
    const std::string index = dense ? part : StringLiteral(part);
    const std::string at = fmt::format("{}[{}]", place, index);
    const size_t next = from + part.size() + 1;
    const bool leaf = group.items[inside[0]].first.size() < next;
    if (leaf) access.emplace(group.paths[inside[0]], at);
    text += fmt::format(
        "{}{}{}", text.empty() ? "" : ", ", dense ? "" : index + ": ",
        leaf ? group.items[inside[0]].second : GroupText(group, inside, next, at, access));
  }
  return dense ? fmt::format("nn.{}List([{}])", group.kind, text)
               : fmt::format("nn.{}Dict({{{}}})", group.kind, text);
}

// `super().__init__([...])` of a class that is a list or dict itself.
void WriteItems(const std::vector<Group>& groups, std::string_view base, CodeWriter& out,
                StringMap<std::string>& access) {
  std::string items;
  for (const Group& group : groups) {
    const std::string key = base == "nn.ModuleList" ? group.name : StringLiteral(group.name);
    items += items.empty() ? "" : ", ";
    if (base == "nn.ModuleDict") items += key + ": ";
    items += group.items[0].second;
    access.emplace(group.paths[0], fmt::format("self[{}]", key));
  }
  const bool list = base == "nn.ModuleList";
  out.Line(8, fmt::format("super().__init__({}{}{})", list ? "[" : "{", items, list ? "]" : "}"));
}

void WriteAttributes(const std::vector<Group>& groups, CodeWriter& out,
                     StringMap<std::string>& access) {
  out.Line(8, "super().__init__()");
  for (const Group& group : groups) {
    if (group.items[0].first.empty()) {
      out.Line(8, fmt::format("self.{} = {}", group.name, group.items[0].second));
      access.emplace(group.paths[0], "self." + group.name);
      continue;
    }
    std::vector<size_t> all(group.items.size());
    std::iota(all.begin(), all.end(), size_t{0});
    const std::string list = GroupText(group, all, 0, "self." + group.name, access);
    out.Line(8, fmt::format("self.{} = {}", group.name, list));
  }
}

// Parameters are made so; see GroupsOf.
void Freeze(const CompileResult& compiled, const Scope& scope, const StringMap<std::string>& access,
            CodeWriter& out) {
  for (const int child : scope.children) {
    const Instance& instance = compiled.instances[static_cast<size_t>(child)];
    const auto module = access.find(instance.weights_path);
    if (Learns(instance) || !IsModule(instance) || module == access.end()) continue;
    out.Line(8, fmt::format("{}.requires_grad_(False)", module->second));
  }
}

}  // namespace

std::string_view BaseClass(const CompileResult& compiled, const Scope& scope) {
  bool numbers = false;
  bool dense = true;
  size_t count = 0;
  for (const int child : scope.children) {
    const Instance& instance = compiled.instances[static_cast<size_t>(child)];
    if (!HasAttribute(compiled, instance)) continue;
    const std::string& key = instance.identifier;
    numbers = numbers || IsNumber(key);
    dense = dense && key == fmt::format("{}", count++);
  }
  return !numbers ? "nn.Module" : dense ? "nn.ModuleList" : "nn.ModuleDict";
}

StringMap<std::string> WriteConstructor(const CompileResult& compiled, const Scope& scope,
                                        const std::function<std::string(int)>& module_text,
                                        CodeWriter& out, Imports& imports) {
  StringMap<std::string> access;
  const std::vector<Group> groups = GroupsOf(compiled, scope, module_text, imports);
  if (groups.empty()) return access;
  out.Line(4, "def __init__(self) -> None:");
  const std::string_view base = BaseClass(compiled, scope);
  if (base == "nn.Module") {
    WriteAttributes(groups, out, access);
  } else {
    WriteItems(groups, base, out, access);
  }
  Freeze(compiled, scope, access, out);
  out.Blank();
  return access;
}

}  // namespace graphkiln::emit::python
