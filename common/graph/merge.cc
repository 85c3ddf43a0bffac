#include "common/graph/merge.h"

#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/graph/merge_order.h"
#include "common/graph/references.h"
#include "common/graph/rename.h"
#include "common/graph/text.h"
#include "common/graph/writer.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace graphkiln::graph {
namespace {

using Json = nlohmann::ordered_json;
using Path = std::vector<std::string>;

// A map by key, for objects of many entries: an ordered object is searched one by one.
class Entries {
 public:
  explicit Entries(const Json* json) {
    if (json == nullptr || !json->is_object()) return;
    for (const auto& [key, value] : json->items()) {
      names_.push_back(key);
      values_.emplace(key, &value);
    }
  }
  const std::vector<std::string>& names() const { return names_; }
  const Json* Find(std::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : found->second;
  }

 private:
  std::vector<std::string> names_;
  StringMap<const Json*> values_;
};

std::string Text(const Json* json) { return json == nullptr ? "" : DumpJson(*json, -1); }

bool Same(const Json* a, const Json* b) { return a == nullptr || b == nullptr ? a == b : *a == *b; }

// Whether what stands at a path is merged by its keys.
bool IsMap(const Path& path, const Json& json) {
  if (!json.is_object()) return false;
  if (path.empty()) return true;
  const std::string& section = path[0];
  if (path.size() == 1) {
    return section == "variables" || section == "inputs" || section == "nodes" ||
           section == "outputs" || section == "composites" || section == "labels" ||
           section == "view";
  }
  if (section == "inputs") return path.size() == 2;
  if (section != "nodes") return false;
  if (path.size() == 2) return true;
  if (path.size() != 3) return false;
  // `{ref: , port: }` is one reference.
  return path[2] == "params" || (path[2] == "in" && !json.contains("ref"));
}

// Whether the order of the keys says something.
bool IsOrdered(const Path& path) {
  return path.size() == 1 && (path[0] == "inputs" || path[0] == "outputs");
}

class Merger {
 public:
  Merger(Side preferred, std::vector<MergeConflict>* conflicts)
      : theirs_first_(preferred == Side::kTheirs), conflicts_(conflicts) {}

  // Null: absent. Paths are at most four keys long.
  std::optional<Json> Run(const Json* base, const Json* ours, const Json* theirs) {
    const bool same_ours = Same(base, ours), same_theirs = Same(base, theirs);
    if (same_ours) return Copy(theirs);
    if (same_theirs || Same(ours, theirs)) return Copy(ours);
    const bool maps = (ours == nullptr || IsMap(path_, *ours)) &&
                      (theirs == nullptr || IsMap(path_, *theirs)) &&
                      (base == nullptr || IsMap(path_, *base));
    // An empty map is not written, so that one without entries is absent; nodes and inputs are
    // there or not.
    if (maps && ((ours != nullptr && theirs != nullptr) || path_.size() != 2))
      return std::optional<Json>(std::in_place, Keys(base, ours, theirs));
    if (maps && path_.size() == 2) {  // one side removed what the other changed
      Removed(base, ours, theirs);
    } else {
      Conflict("both sides changed it", base, ours, theirs);
    }
    return Copy(theirs_first_ ? theirs : ours);
  }

 private:
  static std::optional<Json> Copy(const Json* json) {
    return json == nullptr ? std::nullopt : std::optional<Json>(*json);
  }

  Json Keys(const Json* base, const Json* ours, const Json* theirs) {
    const Entries b(base), o(ours), t(theirs);
    StringMap<Json> merged;
    StringSet kept;
    const auto add = [&](const std::string& key) {
      if (merged.contains(key)) return;
      path_.push_back(key);
      std::optional<Json> value = Run(b.Find(key), o.Find(key), t.Find(key));
      path_.pop_back();
      if (!value) return;
      kept.insert(key);
      merged.emplace(key, *std::move(value));
    };
    for (const std::string& key : o.names()) add(key);
    for (const std::string& key : t.names()) {
      if (o.Find(key) == nullptr) add(key);
    }
    const MergedOrder order = MergeOrder(b.names(), o.names(), t.names(), kept, theirs_first_);
    if (order.conflict && IsOrdered(path_)) {
      path_.push_back("order");
      const Json x = b.names(), y = o.names(), z = t.names();
      Conflict("both sides moved them", &x, &y, &z);
      path_.pop_back();
    }
    Json out = Json::object();
    auto& object = out.get_ref<Json::object_t&>();
    for (const std::string& key : order.names) object.emplace_back(key, std::move(merged.at(key)));
    return out;
  }

  // Each field that the other side changed is a conflict of its own.
  void Removed(const Json* base, const Json* ours, const Json* theirs) {
    const Json* changed = ours != nullptr ? ours : theirs;
    const std::string reason = ours != nullptr ? "theirs removed it, ours changed it"
                                               : "ours removed it, theirs changed it";
    const Entries b(base), c(changed);
    std::vector<std::string> keys = c.names();
    for (const std::string& key : b.names()) {
      if (c.Find(key) == nullptr) keys.push_back(key);
    }
    for (const std::string& key : keys) {
      if (Same(b.Find(key), c.Find(key))) continue;
      path_.push_back(key);
      Conflict(reason, b.Find(key), ours != nullptr ? c.Find(key) : nullptr,
               theirs != nullptr ? c.Find(key) : nullptr);
      path_.pop_back();
    }
  }

  void Conflict(std::string reason, const Json* base, const Json* ours, const Json* theirs) {
    MergeConflict& conflict = conflicts_->emplace_back();
    const bool node = path_.size() >= 2 && path_[0] == "nodes";
    if (node) conflict.node = path_[1];
    for (size_t i = node ? 2 : 0; i < path_.size(); ++i)
      conflict.field += (conflict.field.empty() ? "" : ".") + path_[i];
    conflict.reason = std::move(reason);
    conflict.base = Text(base);
    conflict.ours = Text(ours);
    conflict.theirs = Text(theirs);
  }

  const bool theirs_first_;
  std::vector<MergeConflict>* conflicts_;
  Path path_;
};

using Renames = std::vector<std::pair<std::string, std::string>>;

// Gives all three graphs the ids that either side gave. A node that both renamed differently is a
// conflict and follows the preferred side.
class Renamer {
 public:
  Renamer(v1::Graph* base, v1::Graph* ours, v1::Graph* theirs, bool theirs_first,
          std::vector<MergeConflict>* conflicts)
      : base_(base),
        ours_(ours),
        theirs_(theirs),
        theirs_first_(theirs_first),
        conflicts_(conflicts) {}

  void Run() {
    const Renames mine = FindRenames(*base_, *ours_), others = FindRenames(*base_, *theirs_);
    if (mine.empty() && others.empty()) return;
    const StringMap<std::string> by_ours(mine.begin(), mine.end()),
        by_theirs(others.begin(), others.end());
    Names(*ours_, &in_ours_);
    Names(*theirs_, &in_theirs_);
    for (const auto& [id, name] : mine) {
      const auto other = by_theirs.find(id);
      if (other == by_theirs.end()) {
        if (!in_theirs_.contains(name)) Map(id, name, &to_theirs_);
      } else if (other->second == name) {
        to_base_.emplace(id, name);
      } else {
        Both(id, name, other->second);
      }
    }
    for (const auto& [id, name] : others) {
      if (!by_ours.contains(id) && !in_ours_.contains(name)) Map(id, name, &to_ours_);
    }
    RenameNodes(to_base_, base_);
    RenameNodes(to_ours_, ours_);
    RenameNodes(to_theirs_, theirs_);
  }

 private:
  static void Names(const v1::Graph& graph, StringSet* names) {
    for (const v1::Node& node : graph.nodes()) names->insert(node.id());
    for (const v1::GraphInput& input : graph.inputs()) names->insert(input.name());
  }

  void Map(const std::string& id, const std::string& name, StringMap<std::string>* other) {
    to_base_.emplace(id, name);
    other->emplace(id, name);
  }

  void Both(const std::string& id, const std::string& ours, const std::string& theirs) {
    MergeConflict& conflict = conflicts_->emplace_back();
    conflict.node = id;
    conflict.field = "id";
    conflict.reason = "both sides renamed it";
    conflict.base = Json(id).dump();
    conflict.ours = Json(ours).dump();
    conflict.theirs = Json(theirs).dump();
    if (theirs_first_ ? in_ours_.contains(theirs) : in_theirs_.contains(ours)) return;
    to_base_.emplace(id, theirs_first_ ? theirs : ours);
    if (theirs_first_) {
      to_ours_.emplace(ours, theirs);
    } else {
      to_theirs_.emplace(theirs, ours);
    }
  }

  v1::Graph *base_, *ours_, *theirs_;
  const bool theirs_first_;
  std::vector<MergeConflict>* conflicts_;
  StringSet in_ours_, in_theirs_;
  StringMap<std::string> to_base_, to_ours_, to_theirs_;
};

// References to nodes that one side removed.
class Dangling {
 public:
  Dangling(const v1::Graph& merged, std::vector<MergeConflict>* conflicts) : conflicts_(conflicts) {
    for (const v1::Node& node : merged.nodes()) there_.insert(node.id());
    for (const v1::GraphInput& input : merged.inputs()) there_.insert(input.name());
  }

  // What any of the three graphs had.
  void Known(const v1::Graph& graph) {
    for (const v1::Node& node : graph.nodes()) known_.insert(node.id());
    for (const v1::GraphInput& input : graph.inputs()) known_.insert(input.name());
  }

  void Check(const v1::Graph& merged) {
    for (const v1::Node& node : merged.nodes()) {
      for (const v1::NodeInput& input : node.inputs()) {
        Visit(node.id(), input.port().empty() ? "in" : "in." + input.port(), input.value());
      }
      Name(node.id(), "module", node.module());
    }
    for (const v1::GraphOutput& output : merged.outputs())
      Visit("", "outputs." + output.name(), output.value());
  }

 private:
  void Visit(const std::string& node, const std::string& field, const v1::Argument& argument) {
    VisitReferences(argument, [&](const v1::Reference& r) { Name(node, field, r.node()); });
  }

  void Name(const std::string& node, const std::string& field, const std::string& name) {
    if (name.empty() || there_.contains(name)) return;
    // The text form tells a port from an id by what exists.
    const std::string id = known_.contains(name) ? name : name.substr(0, name.rfind('.'));
    if (!known_.contains(id) || !reported_.insert(node + "\n" + field + "\n" + id).second) return;
    MergeConflict& conflict = conflicts_->emplace_back();
    conflict.node = node;
    conflict.field = field;
    conflict.reason = fmt::format("it refers to {}, which one side removed", QuoteForMessage(id));
  }

  std::vector<MergeConflict>* conflicts_;
  StringSet there_, known_, reported_;
};

}  // namespace

absl::StatusOr<Merged> Merge(const v1::Graph& base, const v1::Graph& ours, const v1::Graph& theirs,
                             Side preferred) {
  v1::Graph b = base, o = ours, t = theirs;
  Merged out;
  Renamer(&b, &o, &t, preferred == Side::kTheirs, &out.conflicts).Run();
  const Json x = ToJson(b), y = ToJson(o), z = ToJson(t);
  const std::optional<Json> merged = Merger(preferred, &out.conflicts).Run(&x, &y, &z);
  std::vector<v1::Diagnostic> diagnostics;
  ASSIGN_OR_RETURN(out.graph, ReadGraph(DumpJson(*merged, -1), "merged", nullptr, &diagnostics));
  for (const v1::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity() != v1::SEVERITY_ERROR) continue;
    return absl::InvalidArgumentError(
        fmt::format("the merged graph is none: {}", diagnostic.message()));
  }
  StringSet inputs;
  for (const v1::GraphInput& input : out.graph.inputs()) inputs.insert(input.name());
  for (const v1::Node& node : out.graph.nodes()) {
    if (!inputs.contains(node.id())) continue;
    MergeConflict& conflict = out.conflicts.emplace_back();
    conflict.node = node.id();
    conflict.field = "id";
    conflict.reason = "an input has the same name";
  }
  Dangling dangling(out.graph, &out.conflicts);
  for (const v1::Graph* graph : {&b, &o, &t}) dangling.Known(*graph);
  dangling.Check(out.graph);
  return out;
}

}  // namespace graphkiln::graph
