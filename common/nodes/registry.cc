#include "common/nodes/registry.h"

#include <algorithm>
#include <memory>

#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/nodes/body.h"
#include "common/nodes/example.h"
#include "common/nodes/families.h"
#include "common/nodes/lazy.h"
#include "common/nodes/operator_nodes.h"

namespace graphkiln::nodes {
namespace {

struct Table {
  std::vector<NodeDef> owned;
  StringMap<const NodeDef*> by_name;
  std::vector<const NodeDef*> ordered, operators;
};

const Table& GetTable() {
  static const Table* const kTable = [] {
    auto* table = new Table();
    AddAllNodes(table->owned);
    for (const NodeDef& def : table->owned) {
      if (!table->by_name.emplace(std::string(def.name), &def).second) {
        GRAPHKILN_BUG("registry.duplicate", std::string(def.name));
      }
      table->ordered.push_back(&def);
    }
    for (const NodeDef& def : DeriveOperatorNodes()) {
      table->by_name.emplace(std::string(def.name), &def);
      table->operators.push_back(&def);
    }
    for (const LazyType& lazy : LazyTypes()) {
      const auto it = table->by_name.find(lazy.type);
      const NodeDef* def = it != table->by_name.end() ? it->second : nullptr;
      if (def == nullptr || !table->by_name.emplace(std::string(lazy.name), def).second) {
        GRAPHKILN_BUG("registry.lazy", std::string(lazy.name));
      }
    }
    std::sort(table->ordered.begin(), table->ordered.end(),
              [](const NodeDef* a, const NodeDef* b) { return a->name < b->name; });
    return table;
  }();
  return *kTable;
}

}  // namespace

const NodeDef* FindNode(std::string_view type) {
  const auto& by_name = GetTable().by_name;
  const auto it = by_name.find(type);
  return it != by_name.end() ? it->second : nullptr;
}

const std::vector<const NodeDef*>& AllNodes() { return GetTable().ordered; }

const std::vector<const NodeDef*>& OperatorNodes() { return GetTable().operators; }

std::vector<std::string> NodeNames(std::string_view like) {
  std::vector<std::string> names;
  for (const NodeDef* def : IsOperatorName(like) ? OperatorNodes() : AllNodes())
    names.emplace_back(def->name);
  for (const LazyType& lazy : LazyTypes()) names.emplace_back(lazy.name);
  return names;
}

std::vector<const NodeDef*> NodesOf(std::string_view category) {
  std::vector<const NodeDef*> found;
  for (const NodeDef* def : AllNodes()) {
    if (def->category == category) found.push_back(def);
  }
  return found;
}

v1::NodeType Describe(const NodeDef& def) {
  v1::NodeType type;
  type.set_name(std::string(def.name));
  type.set_category(std::string(def.category));
  type.set_doc(std::string(def.doc));
  type.set_since_version(def.since_version);
  for (const ParamSpec& spec : def.params) *type.add_params() = Describe(spec);
  for (const PortSpec& port : def.inputs) {
    v1::PortInfo* info = type.add_inputs();
    info->set_name(port.name);
    info->set_doc(port.doc);
    info->set_optional(port.optional);
    info->set_variadic(port.variadic);
  }
  for (const OutputSpec& port : def.outputs) {
    v1::PortInfo* info = type.add_outputs();
    info->set_name(port.name);
    info->set_doc(port.doc);
    info->set_optional(!port.when.empty() || port.exists != nullptr);
  }
  type.set_python(def.python.text);
  type.set_bypass(def.BypassText());
  for (const LazyType& lazy : LazyTypes()) {
    if (lazy.type == def.name) type.add_aliases(std::string(lazy.name));
  }
  DescribeExample(def, &type);
  return type;
}

const std::string& RegistryVersion() {
  static const std::string* const kVersion = [] {
    Sha256 hash;
    for (const NodeDef* def : OperatorNodes()) hash.Update(std::string(def->op->schema));
    for (const NodeDef* def : AllNodes()) hash.Update(Describe(*def).SerializeAsString());
    return new std::string(hash.HexDigest().substr(0, 16));
  }();
  return *kVersion;
}

}  // namespace graphkiln::nodes
