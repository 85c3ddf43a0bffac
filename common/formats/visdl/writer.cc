#include "common/formats/visdl/writer.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "common/base/strings.h"
#include "common/formats/raw.h"
#include "common/formats/visdl/types.h"
#include "common/graph/writer.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::formats::visdl {
namespace {

constexpr int kIndent = 1;

// Source, its output, target, its handle.
using Edge = std::tuple<std::string, int64_t, std::string, std::string>;

class Exporter {
 public:
  Exporter(const v1::Graph& graph, std::vector<v1::Diagnostic>* diagnostics)
      : graph_(graph), origin_(graph, "visdl"), diagnostics_(diagnostics) {
    for (const v1::Node& node : graph.nodes()) nodes_.emplace(node.id(), &node);
    for (const v1::GraphInput& input : graph.inputs()) inputs_.insert(input.name());
  }

  std::optional<Json> Run() {
    if (graph_.inputs_size() != 1) Lacks("", "another number of inputs than 1");
    if (graph_.outputs_size() != 1) Lacks("", "another number of outputs than 1");
    Json nodes = Json::array();
    for (const v1::Node& node : graph_.nodes()) nodes.push_back(Node(node));
    Ends();
    Json document = Json::object();
    Append(document, "nodes", std::move(nodes));
    Append(document, "edges", Edges());
    origin_.AppendFields("fields", {"nodes", "edges"}, &document);
    if (!document.contains("name") && !graph_.name().empty())
      Append(document, "name", graph_.name());
    Json out = Json::object();
    if (origin_.Find("saved") != nullptr) {
      Append(out, "graph", std::move(document));
      origin_.AppendFields("saved", {"graph"}, &out);
    } else {
      out = std::move(document);
    }
    for (const v1::Diagnostic& d : *diagnostics_) {
      if (d.severity() == v1::SEVERITY_ERROR) return std::nullopt;
    }
    return out;
  }

 private:
  void Lacks(const std::string& node, const std::string& message,
             v1::Severity severity = v1::SEVERITY_ERROR) {
    v1::Diagnostic& diagnostic = diagnostics_->emplace_back();
    diagnostic.set_severity(severity);
    diagnostic.set_code("UNSUPPORTED");
    diagnostic.set_message(fmt::format("VisDL cannot say this: {}", message));
    diagnostic.set_node(node);
  }

  // The entry as it was read, where the node still is what it says.
  std::optional<Json> KeptEntry(const v1::Node& node) const {
    const v1::Value* kept = origin_.Find(node, "node");
    if (kept == nullptr) return std::nullopt;
    const TextNode text = RawText(*kept);
    const TextNode* type = text.Find("node_type");
    const TextNode* params = text.Find("params");
    if (type == nullptr || FindType(type->s) == nullptr ||
        (params != nullptr && !params->IsMap() && !params->IsNull()) ||
        Meaning(EntryNode(text)) != Meaning(node))
      return std::nullopt;
    return RawJson(*kept);
  }

  static Json Number(double value) {
    if (std::floor(value) == value && std::abs(value) < 1e15) return static_cast<int64_t>(value);
    return value;
  }

  Json Node(const v1::Node& node) {
    if (!node.module().empty()) Lacks(node.id(), "nodes that share weights");
    if (node.compile_mode() > v1::COMPILE_MODE_RUNTIME)
      Lacks(node.id(), "a compile mode; it is left out", v1::SEVERITY_WARNING);
    std::optional<Json> entry = KeptEntry(node);
    const bool kept = entry.has_value();
    if (!entry) entry = PlainEntry(node);
    Json out = {{"id", node.id()}};
    if (!entry) {
      Lacks(node.id(), fmt::format("{} with these parameters", node.type()));
      Read(node);
      return out;
    }
    Sources(node);
    const auto view = graph_.view().nodes().find(node.id());
    const bool placed = view != graph_.view().nodes().end();
    for (const auto& [key, value] : entry->items()) {
      if (key != "id" && (key != "position" || !placed)) Append(out, key, value);
    }
    if (placed) {
      Append(out, "position",
             Json{{"x", Number(view->second.x())}, {"y", Number(view->second.y())}});
    } else if (!kept) {
      Append(out, "position", Json{{"x", 0}, {"y", 0}});
    }
    return out;
  }

  // What a node reads that cannot be written; its edges are not told of, too.
  void Read(const v1::Node& node) {
    const auto read = [&](const v1::Argument& from) {
      if (from.has_reference()) read_.insert(from.reference().node());
    };
    for (const v1::NodeInput& input : node.inputs()) {
      read(input.value());
      for (const v1::Argument& item : input.value().list().items()) read(item);
    }
  }

  // The edges into a node.
  void Sources(const v1::Node& node) {
    const TypeRow& row = *FindType(node.type());
    size_t next = 0;
    for (const v1::NodeInput& input : node.inputs()) {
      if (input.value().has_list()) {
        for (const v1::Argument& item : input.value().list().items())
          Source(node, row, next++, item);
        continue;
      }
      size_t handle = next++;
      for (size_t i = 0; i < row.handles.size(); ++i) {
        if (!input.port().empty() && row.handles[i] == input.port()) handle = i;
      }
      Source(node, row, handle, input.value());
    }
  }

  void Source(const v1::Node& node, const TypeRow& row, size_t handle, const v1::Argument& from) {
    if (!from.has_reference() || handle >= row.handles.size()) {
      Lacks(node.id(), handle >= row.handles.size() ? "more than two inputs of a node"
                                                    : "an argument that is no other node");
      return;
    }
    const v1::Reference& reference = from.reference();
    if (inputs_.contains(reference.node())) {
      ++roots_;
      if (row.handles.size() > 1) Lacks(node.id(), "a node of two inputs that reads the data set");
      return;
    }
    read_.insert(reference.node());
    edges_.emplace_back(reference.node(), Output(reference), node.id(),
                        std::string(row.handles[handle]));
  }

  int64_t Output(const v1::Reference& reference) {
    const auto it = nodes_.find(reference.node());
    if (it == nodes_.end()) {
      if (told_.insert(reference.node()).second)
        Lacks(reference.node(), "a node that is not there");
      return 0;
    }
    const TypeRow* row = FindType(it->second->type());
    if (row == nullptr) return 0;  // which is told at the node itself
    const auto port = std::find(row->outputs.begin(), row->outputs.end(), reference.port());
    if (port != row->outputs.end()) return port - row->outputs.begin();
    if (!reference.port().empty() && row->outputs.size() == 1) return 0;  // by its own name
    if (told_.insert(reference.node()).second)
      Lacks(reference.node(), "all outputs of a node at once");
    return 0;
  }

  // What the format takes from the edges: who reads the data, and what the model gives.
  void Ends() {
    if (roots_ > 1) Lacks("", "several nodes that read the data set");
    if (graph_.outputs_size() != 1) return;
    const v1::Argument& value = graph_.outputs(0).value();
    const std::string& last = value.reference().node();
    if (!value.has_reference() || !nodes_.contains(last)) {
      Lacks("", "a result that is no node's");
      return;
    }
    if (Output(value.reference()) != 0) Lacks(last, "another output than the first as the result");
    if (read_.contains(last)) Lacks(last, "a result that other nodes read, too");
    for (const v1::Node& node : graph_.nodes()) {
      if (node.id() != last && !read_.contains(node.id()))
        Lacks(node.id(), "a node that nothing reads");
    }
  }

  static Edge EdgeOf(const Json& edge) {
    const auto text = [&](const char* key) {
      const auto it = edge.find(key);
      return it != edge.end() && it->is_string() ? it->get<std::string>() : "";
    };
    const auto output = edge.find("source_output");
    return {text("source_node"),
            output != edge.end() && output->is_number_integer() ? output->get<int64_t>() : 0,
            text("target_node"), std::string(Handle(text("target_input")))};
  }

  // As they stood in the file, where they say the same.
  Json Edges() {
    const v1::Value* kept = origin_.Find("edges");
    if (kept != nullptr && kept->has_list_value()) {
      Json raw = RawJson(*kept);
      std::vector<Edge> theirs, ours = edges_;
      for (const Json& edge : raw) theirs.push_back(EdgeOf(edge));
      std::sort(theirs.begin(), theirs.end());
      std::sort(ours.begin(), ours.end());
      if (ours == theirs) return raw;
    }
    Json out = Json::array();
    for (const auto& [source, output, target, handle] : edges_) {
      Json edge = Json::object();
      Append(edge, "id", fmt::format("e{}", out.size()));
      Append(edge, "source_node", source);
      Append(edge, "source_output", output);
      Append(edge, "target_node", target);
      Append(edge, "target_input", handle);
      Append(edge, "order", 0);
      out.push_back(std::move(edge));
    }
    return out;
  }

  const v1::Graph& graph_;
  const Origin origin_;
  std::vector<v1::Diagnostic>* diagnostics_;
  StringMap<const v1::Node*> nodes_;
  StringSet inputs_, read_, told_;
  std::vector<Edge> edges_;
  int roots_ = 0;  // readers of the graph's input
};

}  // namespace

std::optional<std::string> WriteGraph(const v1::Graph& graph, const compiler::CompileResult*,
                                      std::vector<v1::Diagnostic>* diagnostics) {
  auto json = Exporter(graph, diagnostics).Run();
  if (!json) return std::nullopt;
  return graph::DumpJson(*std::move(json), kIndent) + "\n";
}

}  // namespace graphkiln::formats::visdl
