#include "common/graph/diff.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/graph/canonical.h"
#include "common/graph/rename.h"
#include "common/graph/writer.h"
#include "nlohmann/json.hpp"

namespace graphkiln::graph {
namespace {

using Json = nlohmann::ordered_json;

std::string Text(const Json& json) { return DumpJson(json, -1); }

class Differ {
 public:
  v1::DiffGraphsResponse Run(const v1::Graph& left, const v1::Graph& right) {
    const Json a = ToJson(Canonical(left));
    const Json b = ToJson(Canonical(right));
    for (const char* section : {"variables", "composites", "inputs", "outputs"})
      Section("", section, a, b);
    for (const char* section : {"inputs", "outputs"}) Order(section, a, b);
    Field("", "output_form", a, b);
    const Json none = Json::object();
    const Json& x = a.contains("nodes") ? a["nodes"] : none;
    const Json& y = b.contains("nodes") ? b["nodes"] : none;
    std::map<std::string, std::pair<const Json*, const Json*>> nodes;
    for (const auto& [id, node] : x.items()) nodes[id].first = &node;
    for (const auto& [id, node] : y.items()) nodes[id].second = &node;
    for (const auto& [id, pair] : nodes) {
      if (pair.first == nullptr) {
        out_.add_added(id);
      } else if (pair.second == nullptr) {
        out_.add_removed(id);
      } else if (*pair.first != *pair.second) {
        for (const char* field : {"type", "in", "module", "name", "mode", "compile", "children"})
          Field(id, field, *pair.first, *pair.second);
        Section(id, "params", *pair.first, *pair.second);
      }
    }
    out_.set_equal(out_.added_size() == 0 && out_.removed_size() == 0 && out_.changed_size() == 0);
    return out_;
  }

 private:
  void Change(const std::string& node, const std::string& field, const Json* from, const Json* to) {
    v1::FieldChange* change = out_.add_changed();
    change->set_node(node);
    change->set_field(field);
    if (from != nullptr) change->set_from(Text(*from));
    if (to != nullptr) change->set_to(Text(*to));
  }
  static const Json* Find(const Json& json, const std::string& key) {
    const auto it = json.find(key);
    return it != json.end() ? &*it : nullptr;
  }
  void Field(const std::string& node, const std::string& field, const Json& a, const Json& b) {
    const Json* x = Find(a, field);
    const Json* y = Find(b, field);
    if (x == nullptr && y == nullptr) return;
    if (x == nullptr || y == nullptr || *x != *y) Change(node, field, x, y);
  }
  // Inputs and outputs have places; a difference is told where both have the same names.
  void Order(const std::string& section, const Json& a, const Json& b) {
    const auto names = [&](const Json& graph) {
      Json list = Json::array();
      if (const Json* map = Find(graph, section)) {
        for (const auto& [key, value] : map->items()) list.push_back(key);
      }
      return list;
    };
    const Json from = names(a), to = names(b);
    if (from == to) return;
    auto x = from.get<std::vector<std::string>>(), y = to.get<std::vector<std::string>>();
    std::sort(x.begin(), x.end());
    std::sort(y.begin(), y.end());
    if (x == y) Change("", section + ".order", &from, &to);
  }
  void Section(const std::string& node, const std::string& section, const Json& a, const Json& b) {
    const Json none = Json::object();
    const Json* x = Find(a, section);
    const Json* y = Find(b, section);
    if (x == nullptr) x = &none;
    if (y == nullptr) y = &none;
    std::map<std::string, std::pair<const Json*, const Json*>> entries;
    for (const auto& [key, value] : x->items()) entries[key].first = &value;
    for (const auto& [key, value] : y->items()) entries[key].second = &value;
    for (const auto& [key, pair] : entries) {
      if (pair.first != nullptr && pair.second != nullptr && *pair.first == *pair.second) continue;
      Change(node, section + "." + key, pair.first, pair.second);
    }
  }

  v1::DiffGraphsResponse out_;
};

}  // namespace

v1::DiffGraphsResponse Diff(const v1::Graph& left, const v1::Graph& right) {
  v1::DiffGraphsResponse out = Differ().Run(left, right);
  for (const auto& [from, to] : FindRenames(left, right)) {
    v1::NameChange& rename = *out.add_renamed();
    rename.set_from(from);
    rename.set_to(to);
  }
  return out;
}

}  // namespace graphkiln::graph
