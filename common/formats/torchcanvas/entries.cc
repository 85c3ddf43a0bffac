#include "common/formats/torchcanvas/entries.h"

#include <algorithm>

#include "common/graph/limits.h"
#include "fmt/format.h"

namespace graphkiln::formats::torchcanvas {
namespace {

constexpr size_t kMaxEdges = 1'000'000;
// Comparing many wrong names with all right ones takes time.
constexpr size_t kMostNames = 2000;
constexpr int kMostSuggestions = 100;

}  // namespace

v1::Diagnostic& Entries::Error(std::string_view code, const TextPos& pos, const std::string& path,
                               std::string message, const std::string& node) {
  v1::Diagnostic& diagnostic = report_.Error(code, pos, path, std::move(message));
  diagnostic.set_node(node.substr(0, 1024));
  return diagnostic;
}

bool Entries::Read(const TextNode& root) {
  const TextNode* nodes = report_.List(root, "nodes", "nodes");
  const TextNode* edges = report_.List(root, "edges", "edges");
  if (nodes == nullptr) {
    report_.Error("MISSING_KEY", root.pos, "nodes", "the graph has no nodes")
        .set_expected("nodes: [...]");
    return false;
  }
  if (nodes->items.size() > graph::kMostNodes ||
      (edges != nullptr && edges->items.size() > kMaxEdges)) {
    report_.Error(
        "LIMIT", nodes->pos, "nodes",
        fmt::format("a graph has at most {} nodes and {} edges", graph::kMostNodes, kMaxEdges));
    return false;
  }
  for (size_t i = 0; i < nodes->items.size(); ++i) ReadNode(nodes->items[i], i);
  if (edges == nullptr) return true;
  for (size_t i = 0; i < edges->items.size(); ++i) ReadEdge(edges->items[i], i);
  return true;
}

void Entries::ReadNode(const TextNode& value, size_t index) {
  const std::string path = fmt::format("nodes[{}]", index);
  if (!report_.Expect(value, TextNode::Kind::kMap, path)) return;
  const TextNode* id = value.Find("id");
  if (id == nullptr || !id->IsString() || id->s.empty()) {
    Error("BAD_ID", id == nullptr ? value.pos : id->pos, path + ".id",
          "a node has an id, a text that is not empty", "");
    return;
  }
  const TextNode* type = value.Find("type");
  if (type == nullptr || !type->IsString()) {
    Error(type == nullptr ? "MISSING_KEY" : "SYNTAX", type == nullptr ? value.pos : type->pos,
          path + ".type", "a node has a type, a text", id->s);
    return;
  }
  if (!by_id_.emplace(id->s, static_cast<int>(all_.size())).second) {
    Error("DUPLICATE_ID", id->pos, path + ".id",
          fmt::format("two nodes are called {}", QuoteForMessage(id->s)), id->s);
    return;
  }
  Entry& entry = all_.emplace_back();
  entry.id = id->s;
  entry.path = path;
  entry.value = &value;
  entry.pos = id->pos;
  entry.input = type->s == "Input";
  entry.output = type->s == "Output";
  entry.row = FindType(type->s);
  const TextNode* params = value.Find("params");
  if (params != nullptr && !params->IsMap() && !params->IsNull()) {
    Error("SYNTAX", params->pos, path + ".params", "params is a map", id->s)
        .set_found(params->Describe());
    return;
  }
  if (entry.row == nullptr && !entry.input && !entry.output) {
    v1::Diagnostic& diagnostic =
        Error("UNKNOWN_TYPE", type->pos, path + ".type",
              fmt::format("TorchCanvas has no node type {}", QuoteForMessage(type->s)), id->s);
    diagnostic.set_found(type->s.substr(0, 200));
    if (++suggestions_ > kMostSuggestions) return;
    if (const auto near = NearestName(type->s, TypeNames())) diagnostic.set_expected(*near);
    return;
  }
  entry.readable = true;
  CheckParams(entry, params);
}

// Where parameters stand; those of ours that the format does not have are refused.
void Entries::CheckParams(const Entry& entry, const TextNode* params) {
  if (params == nullptr || entry.input) return;
  for (const TextEntry& param : params->entries) {
    const bool known = entry.output ? param.key == "num_classes"
                                    : std::find(entry.row->params.begin(), entry.row->params.end(),
                                                param.key) != entry.row->params.end();
    const std::string at = fmt::format("{}.params.{}", entry.path, param.key);
    positions_->Add(
        fmt::format("nodes.{}.params.{}", entry.id,
                    entry.output && known ? "out_features" : std::string_view(param.key)),
        param.key_pos, at);
    if (known) continue;
    v1::Diagnostic& diagnostic =
        Error("UNKNOWN_PARAM", param.key_pos, at,
              fmt::format("{} has no parameter {}", entry.output ? "Output" : entry.row->name,
                          QuoteForMessage(param.key)),
              entry.id);
    diagnostic.set_param(param.key.substr(0, 200));
    diagnostic.set_found(param.key.substr(0, 200));
    if (entry.row == nullptr || ++suggestions_ > kMostSuggestions) continue;
    const std::vector<std::string> names(entry.row->params.begin(), entry.row->params.end());
    if (const auto near = NearestName(param.key, names)) diagnostic.set_expected(*near);
  }
}

void Entries::ReadEdge(const TextNode& edge, size_t index) {
  const std::string path = fmt::format("edges[{}]", index);
  if (!edge.IsList() || edge.items.size() != 2) {
    Error("SYNTAX", edge.pos, path, "an edge is a pair [SOURCE, TARGET]", "")
        .set_found(edge.Describe());
    return;
  }
  const int from = Find(edge.items[0], path, "the source of an edge");
  const int to = Find(edge.items[1], path, "the target of an edge");
  if (from < 0 || to < 0) return;
  Entry& target = all_[static_cast<size_t>(to)];
  if (target.input) {
    Error("ARITY", edge.pos, path, "an edge leads into an Input node", target.id);
    return;
  }
  target.in.push_back({from, edge.pos, path});
  edges_.emplace_back(from, to);
}

int Entries::Find(const TextNode& name, const std::string& path, std::string_view what) {
  if (!name.IsString()) {
    Error("SYNTAX", name.pos, path, fmt::format("{} is the id of a node", what), "")
        .set_found(name.Describe());
    return -1;
  }
  const auto it = by_id_.find(name.s);
  if (it != by_id_.end() && it->second >= 0) return it->second;
  v1::Diagnostic& diagnostic =
      Error("UNKNOWN_REFERENCE", name.pos, path,
            fmt::format("there is no node {}", QuoteForMessage(name.s)), "");
  diagnostic.set_found(name.s.substr(0, 200));
  if (by_id_.size() > kMostNames || ++suggestions_ > kMostSuggestions) return -1;
  std::vector<std::string> names;
  for (const Entry& entry : all_) names.push_back(entry.id);
  if (const auto near = NearestName(name.s, names)) diagnostic.set_expected(*near);
  return -1;
}

std::string Entries::FreeId(std::string wanted) {
  while (!by_id_.emplace(wanted, -1).second) wanted += "_";
  return wanted;
}

}  // namespace graphkiln::formats::torchcanvas
