#include "common/formats/torchcanvas/writer.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/strings.h"
#include "common/formats/raw.h"
#include "common/formats/torchcanvas/node_entry.h"
#include "common/graph/writer.h"
#include "fmt/format.h"

namespace graphkiln::formats::torchcanvas {
namespace {

constexpr int kIndent = 1;

class Exporter {
 public:
  Exporter(const v1::Graph& graph, std::vector<v1::Diagnostic>* diagnostics)
      : graph_(graph), origin_(graph, "torchcanvas"), diagnostics_(diagnostics) {
    for (const v1::Node& node : graph.nodes()) nodes_.emplace(node.id(), &node);
    for (const v1::GraphInput& input : graph.inputs()) nodes_.emplace(input.name(), nullptr);
  }

  std::optional<Json> Run() {
    Json out = Json::object();
    if (origin_.Find("fields") == nullptr) {
      Append(out, "version", "0.2");
      Append(out, "metadata", Json{{"name", graph_.name()}});
    }
    origin_.AppendFields("fields", {"nodes", "edges", "inputs", "outputs"}, &out);
    for (const v1::GraphInput& input : graph_.inputs()) InputNode(input.name());
    for (const v1::Node& node : graph_.nodes()) Node(node);
    Order();
    Json nodes = Json::array(), inputs = Json::array();
    for (auto& [id, entry] : entries_) nodes.push_back(std::move(entry));
    for (const v1::GraphInput& input : graph_.inputs()) inputs.push_back(input.name());
    Json outputs = Outputs();
    Append(out, "nodes", std::move(nodes));
    Append(out, "edges", Edges());
    Append(out, "inputs", std::move(inputs));
    Append(out, "outputs", std::move(outputs));
    for (const v1::Diagnostic& d : *diagnostics_) {
      if (d.severity() == v1::SEVERITY_ERROR) return std::nullopt;
    }
    return out;
  }

 private:
  void Lacks(const std::string& node, std::string message,
             v1::Severity severity = v1::SEVERITY_ERROR) {
    v1::Diagnostic& diagnostic = diagnostics_->emplace_back();
    diagnostic.set_severity(severity);
    diagnostic.set_code("UNSUPPORTED");
    diagnostic.set_message(fmt::format("TorchCanvas cannot say this: {}", message));
    diagnostic.set_node(node);
  }

  // `entry` with the id in front and the place of now.
  void Entry(const std::string& id, const Json& entry) {
    Json out = {{"id", id}};
    const auto view = graph_.view().nodes().find(id);
    const bool placed = view != graph_.view().nodes().end();
    for (const char* first : {"type", "params"}) {
      if (entry.contains(first)) Append(out, first, entry.at(first));
    }
    for (const auto& [key, value] : entry.items()) {
      if (key == "id" || key == "type" || key == "params") continue;
      Append(out, key,
             placed && key == "x"   ? Number(view->second.x(), value)
             : placed && key == "y" ? Number(view->second.y(), value)
                                    : value);
    }
    if (placed && !entry.contains("x")) {
      Append(out, "x", Number(view->second.x(), 0));
      Append(out, "y", Number(view->second.y(), 0));
    }
    entries_.emplace_back(id, std::move(out));
  }

  // A whole number stays one.
  static Json Number(double value, const Json& was) {
    if (was.is_number() && was.get<double>() == value) return was;
    return value;
  }

  void InputNode(const std::string& id) {
    if (const v1::Value* kept = origin_.Find("inputs")) {
      const auto it = kept->map_value().fields().find(id);
      if (it != kept->map_value().fields().end()) {
        const TextNode text = RawText(it->second);
        const TextNode* type = text.Find("type");
        if (type != nullptr && type->s == "Input") return Entry(id, RawJson(text));
      }
    }
    Entry(id, Json{{"type", "Input"}, {"params", Json::object()}});
  }

  // The entry as it was read, where the node still is what it says.
  std::optional<Json> KeptEntry(const v1::Node& node, bool* padded) const {
    const v1::Value* kept = origin_.Find(node, "node");
    if (kept == nullptr) return std::nullopt;
    const TextNode text = RawText(*kept);
    const TextNode* type = text.Find("type");
    const TextNode* params = text.Find("params");
    if (type == nullptr || (FindType(type->s) == nullptr && type->s != "Output") ||
        (params != nullptr && !params->IsMap() && !params->IsNull()))
      return std::nullopt;
    const ReadNode read = EntryNode(text);
    if (Meaning(read.node) != Meaning(node)) return std::nullopt;
    *padded = read.pad.has_value();
    return RawJson(*kept);
  }

  // The node of zeros in front of a convolution, which the convolution's own entry says.
  const v1::Node* PadOf(const v1::Node& node) const {
    if (node.inputs_size() != 1 || !node.inputs(0).value().has_reference()) return nullptr;
    const auto it = nodes_.find(node.inputs(0).value().reference().node());
    if (it == nodes_.end() || it->second == nullptr) return nullptr;
    const v1::Value* of = origin_.Find(*it->second, "pad_of");
    return of != nullptr && of->string_value() == node.id() ? it->second : nullptr;
  }

  void Node(const v1::Node& node) {
    if (const v1::Value* of = origin_.Find(node, "pad_of")) {
      const auto it = nodes_.find(of->string_value());
      bool padded = false;
      if (it != nodes_.end() && it->second != nullptr && PadOf(*it->second) == &node &&
          KeptEntry(*it->second, &padded) && padded) {
        return;
      }
    }
    if (node.mode() == v1::NODE_MODE_BYPASSED || node.mode() == v1::NODE_MODE_MUTED)
      Lacks(node.id(), "a node that takes no part");
    if (!node.module().empty()) Lacks(node.id(), "nodes that share weights");
    if (node.compile_mode() > v1::COMPILE_MODE_RUNTIME)
      Lacks(node.id(), "a compile mode; it is left out", v1::SEVERITY_WARNING);
    bool padded = false;
    std::optional<Json> entry = KeptEntry(node, &padded);
    if (!entry) entry = PlainEntry(node);
    if (!entry) {
      Lacks(node.id(), fmt::format("{} with these parameters", node.type()));
      return;
    }
    std::vector<std::string> sources;
    const v1::Node* pad = padded ? PadOf(node) : nullptr;
    Sources(pad != nullptr ? *pad : node, &sources);
    if (padded && pad == nullptr) Lacks(node.id(), "a convolution without its zeros");
    // The format adds two at a time.
    if (node.type() == "Add") {
      for (size_t i = 2; i < sources.size(); ++i) {
        const std::string part = FreeId(fmt::format("{}_{}", node.id(), i - 1));
        Entry(part, *entry);
        Edge(i == 2 ? sources[0] : last_, part);
        Edge(sources[i - 1], part);
        last_ = part;
      }
      if (sources.size() > 2) sources = {last_, sources.back()};
    }
    Entry(node.id(), *entry);
    for (const std::string& source : sources) Edge(source, node.id());
  }

  std::string FreeId(std::string id) {
    while (nodes_.contains(id)) id += "_";
    nodes_.emplace(id, nullptr);
    return id;
  }

  void Sources(const v1::Node& node, std::vector<std::string>* out) {
    for (const v1::NodeInput& input : node.inputs()) {
      if (input.value().has_list()) {
        for (const v1::Argument& item : input.value().list().items())
          out->push_back(Source(item, node.id()));
      } else {
        out->push_back(Source(input.value(), node.id()));
      }
    }
  }

  std::string Source(const v1::Argument& argument, const std::string& node) {
    if (!argument.has_reference() || !argument.reference().port().empty())
      Lacks(node, "an argument that is not the whole result of a node");
    return argument.reference().node();
  }

  void Edge(const std::string& from, const std::string& to) { edges_.emplace_back(from, to); }

  // Nodes as they stood in the file, new ones last.
  void Order() {
    const v1::Value* order = origin_.Find("order");
    if (order == nullptr) return;
    StringMap<int> places;
    for (const v1::Value& id : order->list_value().values())
      places.emplace(id.string_value(), static_cast<int>(places.size()));
    const auto place = [&](const std::string& id) {
      const auto it = places.find(id);
      return it == places.end() ? static_cast<int>(places.size()) : it->second;
    };
    std::stable_sort(entries_.begin(), entries_.end(),
                     [&](const auto& a, const auto& b) { return place(a.first) < place(b.first); });
  }

  // Edges as they stood in the file, where they say the same.
  Json Edges() {
    Json out = Json::array();
    std::vector<std::pair<std::string, std::string>> kept;
    if (const v1::Value* listed = origin_.Find("edges")) {
      for (const v1::Value& pair : listed->list_value().values()) {
        if (pair.list_value().values_size() == 2) {
          kept.emplace_back(pair.list_value().values(0).string_value(),
                            pair.list_value().values(1).string_value());
        }
      }
    }
    const auto by_target = [](const auto& a, const auto& b) { return a.second < b.second; };
    auto ours = edges_, theirs = kept;
    std::stable_sort(ours.begin(), ours.end(), by_target);
    std::stable_sort(theirs.begin(), theirs.end(), by_target);
    for (const auto& [from, to] : ours == theirs ? kept : edges_) out.push_back({from, to});
    return out;
  }

  Json Outputs() {
    Json out = Json::array();
    if (graph_.output_form() == v1::OUTPUT_FORM_TUPLE ||
        (graph_.output_form() == v1::OUTPUT_FORM_DICT && graph_.outputs_size() == 1)) {
      Lacks("", "a result that is a tuple, or a dict of one", v1::SEVERITY_WARNING);
    }
    for (const v1::GraphOutput& output : graph_.outputs()) {
      out.push_back(Source(output.value(), ""));
      if (graph_.outputs_size() > 1 && output.name() != out.back().get<std::string>())
        Lacks("",
              fmt::format("another name of an output than its node's: {}",
                          QuoteForMessage(output.name())),
              v1::SEVERITY_WARNING);
    }
    return out;
  }

  const v1::Graph& graph_;
  const Origin origin_;
  std::vector<v1::Diagnostic>* diagnostics_;
  StringMap<const v1::Node*> nodes_;  // null: an input, or a part of a sum
  std::vector<std::pair<std::string, Json>> entries_;
  std::vector<std::pair<std::string, std::string>> edges_;
  std::string last_;
};

}  // namespace

std::optional<std::string> WriteGraph(const v1::Graph& graph, const compiler::CompileResult*,
                                      std::vector<v1::Diagnostic>* diagnostics) {
  auto json = Exporter(graph, diagnostics).Run();
  if (!json) return std::nullopt;
  return graph::DumpJson(*std::move(json), kIndent) + "\n";
}

}  // namespace graphkiln::formats::torchcanvas
