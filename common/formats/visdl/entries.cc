#include "common/formats/visdl/entries.h"

#include <algorithm>
#include <utility>

#include "common/graph/limits.h"
#include "fmt/format.h"

namespace graphkiln::formats::visdl {
namespace {

constexpr size_t kMaxEdges = 1'000'000;
// Comparing many wrong names with all right ones takes time.
constexpr size_t kMostNames = 2000;
constexpr int kMostSuggestions = 100;

}  // namespace

bool Entry::HasInput() const {
  return std::any_of(in.begin(), in.end(), [](const auto& sources) { return !sources.empty(); });
}

v1::Diagnostic& Entries::Error(std::string_view code, const TextPos& pos, const std::string& path,
                               std::string message, const std::string& node) {
  v1::Diagnostic& diagnostic = report_.Error(code, pos, path, std::move(message));
  diagnostic.set_node(node.substr(0, 1024));
  return diagnostic;
}

bool Entries::Read(const TextNode& document, const std::string& prefix) {
  const TextNode* nodes = report_.List(document, "nodes", prefix + "nodes");
  const TextNode* edges = report_.List(document, "edges", prefix + "edges");
  if (nodes == nullptr) {
    report_.Error("MISSING_KEY", document.pos, prefix + "nodes", "the graph has no nodes")
        .set_expected("nodes: [...]");
    return false;
  }
  if (nodes->items.size() > graph::kMostNodes ||
      (edges != nullptr && edges->items.size() > kMaxEdges)) {
    report_.Error(
        "LIMIT", nodes->pos, prefix + "nodes",
        fmt::format("a graph has at most {} nodes and {} edges", graph::kMostNodes, kMaxEdges));
    return false;
  }
  for (size_t i = 0; i < nodes->items.size(); ++i)
    ReadNode(nodes->items[i], fmt::format("{}nodes[{}]", prefix, i));
  if (edges == nullptr) return true;
  for (size_t i = 0; i < edges->items.size(); ++i)
    ReadEdge(edges->items[i], fmt::format("{}edges[{}]", prefix, i));
  return true;
}

void Entries::ReadNode(const TextNode& value, const std::string& path) {
  if (!report_.Expect(value, TextNode::Kind::kMap, path)) return;
  const TextNode* id = value.Find("id");
  if (id == nullptr || !id->IsString() || id->s.empty()) {
    Error("BAD_ID", id == nullptr ? value.pos : id->pos, path + ".id",
          "a node has an id, a text that is not empty", "");
    return;
  }
  const TextNode* type = value.Find("node_type");
  if (type == nullptr || !type->IsString()) {
    Error(type == nullptr ? "MISSING_KEY" : "SYNTAX", type == nullptr ? value.pos : type->pos,
          path + ".node_type", "a node has a node_type, a text", id->s);
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
  entry.row = FindType(type->s);
  entry.in.resize(entry.row == nullptr ? 1 : entry.row->handles.size());
  const TextNode* params = value.Find("params");
  if (params != nullptr && !params->IsMap() && !params->IsNull()) {
    Error("SYNTAX", params->pos, path + ".params", "params is a map", id->s)
        .set_found(params->Describe());
    entry.row = nullptr;
  } else if (entry.row == nullptr) {
    UnknownType(*type, path, id->s);
  }
  if (entry.row != nullptr) CheckParams(entry, params);
  positions_->Add("nodes." + id->s, id->pos, path);
  positions_->Add("nodes." + id->s + ".type", type->pos, path + ".node_type");
}

void Entries::UnknownType(const TextNode& type, const std::string& path, const std::string& node) {
  const bool pipeline = IsPipeline(type.s);
  v1::Diagnostic& diagnostic =
      Error(pipeline ? "UNSUPPORTED" : "UNKNOWN_TYPE", type.pos, path + ".node_type",
            pipeline ? fmt::format("{} is no layer; the config says how a graph is trained", type.s)
                     : fmt::format("VisDL has no node type {}", QuoteForMessage(type.s)),
            node);
  diagnostic.set_found(type.s.substr(0, 200));
  if (pipeline || ++suggestions_ > kMostSuggestions) return;
  if (const auto near = NearestName(type.s, TypeNames())) diagnostic.set_expected(*near);
}

void Entries::CheckParams(const Entry& entry, const TextNode* params) {
  if (params == nullptr) return;
  for (const TextEntry& param : params->entries) {
    const std::string at = fmt::format("{}.params.{}", entry.path, param.key);
    positions_->Add(fmt::format("nodes.{}.params.{}", entry.id, param.key), param.key_pos, at);
    const auto& known = entry.row->params;
    if (std::find(known.begin(), known.end(), param.key) != known.end()) continue;
    v1::Diagnostic& diagnostic =
        Error("UNKNOWN_PARAM", param.key_pos, at,
              fmt::format("{} has no parameter {}", entry.row->name, QuoteForMessage(param.key)),
              entry.id);
    diagnostic.set_param(param.key.substr(0, 200));
    diagnostic.set_found(param.key.substr(0, 200));
  }
}

int Entries::Known(const TextNode& edge, std::string_view key, const std::string& path) {
  const TextNode* name = edge.Find(key);
  if (name == nullptr || !name->IsString()) {
    Error(name == nullptr ? "MISSING_KEY" : "SYNTAX", name == nullptr ? edge.pos : name->pos, path,
          fmt::format("{} is the id of a node", key), "");
    return -1;
  }
  const auto it = by_id_.find(name->s);
  if (it != by_id_.end()) return it->second;
  v1::Diagnostic& diagnostic =
      Error("UNKNOWN_REFERENCE", name->pos, path,
            fmt::format("there is no node {}", QuoteForMessage(name->s)), "");
  diagnostic.set_found(name->s.substr(0, 200));
  if (by_id_.size() > kMostNames || ++suggestions_ > kMostSuggestions) return -1;
  std::vector<std::string> names;
  for (const Entry& entry : all_) names.push_back(entry.id);
  if (const auto near = NearestName(name->s, names)) diagnostic.set_expected(*near);
  return -1;
}

void Entries::ReadEdge(const TextNode& edge, const std::string& path) {
  if (!report_.Expect(edge, TextNode::Kind::kMap, path)) return;
  const int from = Known(edge, "source_node", path);
  const int to = Known(edge, "target_node", path);
  if (from < 0 || to < 0) return;
  Entry& source = all_[static_cast<size_t>(from)];
  Entry& target = all_[static_cast<size_t>(to)];
  source.read = true;
  const TextNode* order = edge.Find("order");
  const std::string_view port = Output(edge, source, path);
  target.in[HandleOf(edge, target, path)].push_back(
      {from, port, order != nullptr && order->IsInt() ? order->i : 0, edge.pos, path});
}

std::string_view Entries::Output(const TextNode& edge, const Entry& source,
                                 const std::string& path) {
  const TextNode* output = edge.Find("source_output");
  const int64_t number = output != nullptr && output->IsInt() ? output->i : 0;
  const size_t count = source.row == nullptr ? 1 : source.row->outputs.size();
  if (number >= 0 && number < static_cast<int64_t>(count))
    return source.row == nullptr ? "" : source.row->outputs[static_cast<size_t>(number)];
  v1::Diagnostic& diagnostic =
      Error("UNKNOWN_PORT", output->pos, path,
            fmt::format("{} has no output {}", QuoteForMessage(source.id), number), source.id);
  diagnostic.set_expected(count == 1 ? "0" : "0 or 1");
  diagnostic.set_found(fmt::format("{}", number));
  return "";
}

size_t Entries::HandleOf(const TextNode& edge, const Entry& target, const std::string& path) {
  if (target.row == nullptr) return 0;
  const TextNode* name = edge.Find("target_input");
  const std::string text = name != nullptr && name->IsString() ? name->s : "";
  const auto& handles = target.row->handles;
  const auto handle = std::find(handles.begin(), handles.end(), Handle(text));
  if (handle != handles.end()) return static_cast<size_t>(handle - handles.begin());
  v1::Diagnostic& diagnostic =
      Error("UNKNOWN_PORT", name == nullptr ? edge.pos : name->pos, path,
            fmt::format("{} has no input {}", QuoteForMessage(target.id), QuoteForMessage(text)),
            target.id);
  diagnostic.set_expected(handles.size() == 1 ? "input" : "input_a or input_b");
  diagnostic.set_found(text.substr(0, 200));
  return 0;
}

}  // namespace graphkiln::formats::visdl
