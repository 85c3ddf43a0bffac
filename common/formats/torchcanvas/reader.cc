#include "common/formats/torchcanvas/reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "common/base/strings.h"
#include "common/formats/raw.h"
#include "common/formats/torchcanvas/node_entry.h"
#include "common/formats/torchcanvas/types.h"
#include "common/graph/reader.h"
#include "fmt/format.h"

namespace graphkiln::formats::torchcanvas {
namespace {

constexpr size_t kMaxNodes = 200'000;
constexpr size_t kMaxEdges = 1'000'000;
constexpr size_t kMostNames = 2000;
constexpr int kMostSuggestions = 100;

class Importer {
 public:
  Importer(std::string_view file, graph::SourceMap* positions,
           std::vector<v1::Diagnostic>* diagnostics)
      : positions_(positions), report_(file, positions, diagnostics) {}

  v1::Graph Run(const TextNode& root) {
    graph_.set_schema_version(1);
    SetOrigin(graph_.mutable_extra(), "format", TextValue("torchcanvas"));
    if (!report_.Expect(root, TextNode::Kind::kMap, "")) return std::move(graph_);
    Header(root);
    const TextNode* nodes = report_.List(root, "nodes", "nodes");
    const TextNode* edges = report_.List(root, "edges", "edges");
    if (nodes == nullptr) {
      report_.Error("MISSING_KEY", root.pos, "nodes", "the graph has no nodes")
          .set_expected("nodes: [...]");
      return std::move(graph_);
    }
    if (nodes->items.size() > kMaxNodes || (edges != nullptr && edges->items.size() > kMaxEdges)) {
      report_.Error("LIMIT", nodes->pos, "nodes",
                    fmt::format("a graph has at most {} nodes and {} edges", kMaxNodes, kMaxEdges));
      return std::move(graph_);
    }
    for (size_t i = 0; i < nodes->items.size(); ++i) Entry(nodes->items[i], i);
    if (edges != nullptr) {
      for (size_t i = 0; i < edges->items.size(); ++i) Edge(edges->items[i], i);
    }
    Inputs(root);
    Nodes();
    Outputs(root);
    Layouts();
    return std::move(graph_);
  }

 private:
  struct Source {
    int from = -1;  // entry
    TextPos pos;
    std::string path;
  };
  struct Node {
    std::string id, path;
    const TextNode* value = nullptr;
    TextPos pos;  // of the id
    const TypeRow* row = nullptr;
    bool input = false, output = false, listed = false, read = false;
    std::vector<Source> in;
  };

  v1::Diagnostic& Error(std::string_view code, const TextPos& pos, const std::string& path,
                        std::string message, const std::string& node) {
    v1::Diagnostic& diagnostic = report_.Error(code, pos, path, std::move(message));
    diagnostic.set_node(node.substr(0, 1024));
    return diagnostic;
  }

  void Header(const TextNode& root) {
    v1::Value kept;
    auto& fields = *kept.mutable_map_value()->mutable_fields();
    for (const TextEntry& entry : root.entries) {
      const bool ours = entry.key == "nodes" || entry.key == "edges" || entry.key == "inputs" ||
                        entry.key == "outputs";
      if (!ours) fields[entry.key] = RawValue(entry.value);
    }
    report_.Unknown(root, {"version", "metadata", "nodes", "edges", "inputs", "outputs"}, "",
                    nullptr);
    if (!fields.empty()) SetOrigin(graph_.mutable_extra(), "fields", std::move(kept));
    const TextNode* metadata = root.Find("metadata");
    const TextNode* name = metadata == nullptr ? nullptr : metadata->Find("name");
    if (name != nullptr && name->IsString()) graph_.set_name(name->s.substr(0, 1024));
  }

  void Entry(const TextNode& value, size_t index) {
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
    if (by_id_.contains(id->s)) {
      Error("DUPLICATE_ID", id->pos, path + ".id",
            fmt::format("two nodes are called {}", QuoteForMessage(id->s)), id->s);
      return;
    }
    by_id_.emplace(id->s, static_cast<int>(nodes_.size()));
    Node& node = nodes_.emplace_back();
    node.id = id->s;
    node.path = path;
    node.value = &value;
    node.pos = id->pos;
    node.input = type->s == "Input";
    node.output = type->s == "Output";
    node.row = FindType(type->s);
    const TextNode* params = value.Find("params");
    if (params != nullptr && !params->IsMap() && !params->IsNull()) {
      Error("SYNTAX", params->pos, path + ".params", "params is a map", id->s)
          .set_found(params->Describe());
      return;
    }
    if (node.row == nullptr && !node.input && !node.output) {
      v1::Diagnostic& diagnostic =
          Error("UNKNOWN_TYPE", type->pos, path + ".type",
                fmt::format("TorchCanvas has no node type {}", QuoteForMessage(type->s)), id->s);
      diagnostic.set_found(type->s.substr(0, 200));
      if (++suggestions_ > kMostSuggestions) return;
      if (const auto near = NearestName(type->s, TypeNames())) diagnostic.set_expected(*near);
      return;
    }
    node.read = true;
    CheckParams(node, params);
  }

  // Parameters of ours that the format does not have.
  void CheckParams(const Node& node, const TextNode* params) {
    if (params == nullptr || (node.row == nullptr && !node.output)) return;
    for (const TextEntry& param : params->entries) {
      const bool known = node.output ? param.key == "num_classes"
                                     : std::find(node.row->params.begin(), node.row->params.end(),
                                                 param.key) != node.row->params.end();
      const std::string at = fmt::format("{}.params.{}", node.path, param.key);
      positions_->Add(
          fmt::format("nodes.{}.params.{}", node.id,
                      node.output && known ? "out_features" : std::string_view(param.key)),
          param.key_pos, at);
      if (known) continue;
      const std::string_view type = node.output ? "Output" : node.row->name;
      v1::Diagnostic& diagnostic =
          Error("UNKNOWN_PARAM", param.key_pos, at,
                fmt::format("{} has no parameter {}", type, QuoteForMessage(param.key)), node.id);
      diagnostic.set_param(param.key.substr(0, 200));
      diagnostic.set_found(param.key.substr(0, 200));
      if (node.row == nullptr) continue;
      const std::vector<std::string> names(node.row->params.begin(), node.row->params.end());
      if (const auto near = NearestName(param.key, names)) diagnostic.set_expected(*near);
    }
  }

  // Index of the node that a text names; reports where there is none.
  int Known(const TextNode& name, const std::string& path, std::string_view what) {
    if (!name.IsString()) {
      Error("SYNTAX", name.pos, path, fmt::format("{} is the id of a node", what), "")
          .set_found(name.Describe());
      return -1;
    }
    const auto it = by_id_.find(name.s);
    if (it != by_id_.end()) return it->second;
    v1::Diagnostic& diagnostic =
        Error("UNKNOWN_REFERENCE", name.pos, path,
              fmt::format("there is no node {}", QuoteForMessage(name.s)), "");
    diagnostic.set_found(name.s.substr(0, 200));
    if (by_id_.size() > kMostNames || ++suggestions_ > kMostSuggestions) return -1;
    std::vector<std::string> names;
    for (const Node& node : nodes_) names.push_back(node.id);
    if (const auto near = NearestName(name.s, names)) diagnostic.set_expected(*near);
    return -1;
  }

  void Edge(const TextNode& edge, size_t index) {
    const std::string path = fmt::format("edges[{}]", index);
    if (!edge.IsList() || edge.items.size() != 2) {
      Error("SYNTAX", edge.pos, path, "an edge is a pair [SOURCE, TARGET]", "")
          .set_found(edge.Describe());
      return;
    }
    const int from = Known(edge.items[0], path, "the source of an edge");
    const int to = Known(edge.items[1], path, "the target of an edge");
    if (from < 0 || to < 0) return;
    Node& target = nodes_[static_cast<size_t>(to)];
    if (target.input) {
      Error("ARITY", edge.pos, path, "an edge leads into an Input node", target.id);
      return;
    }
    target.in.push_back({from, edge.pos, path});
    edges_.emplace_back(from, to);
  }

  void Input(Node& node, const TextPos& pos, const std::string& path) {
    if (node.listed) {
      Error("DUPLICATE_ID", pos, path,
            fmt::format("the input {} stands twice", QuoteForMessage(node.id)), node.id);
      return;
    }
    node.listed = true;
    v1::GraphInput* input = graph_.add_inputs();
    input->set_name(node.id);
    input->set_shape_known(false);
    positions_->Add("inputs." + node.id, pos, path);
  }

  void Inputs(const TextNode& root) {
    const TextNode* inputs = report_.List(root, "inputs", "inputs");
    if (inputs != nullptr) {
      for (size_t i = 0; i < inputs->items.size(); ++i) {
        const std::string path = fmt::format("inputs[{}]", i);
        const int index = Known(inputs->items[i], path, "an input");
        if (index < 0) continue;
        Node& node = nodes_[static_cast<size_t>(index)];
        if (node.input) {
          Input(node, inputs->items[i].pos, path);
          continue;
        }
        v1::Diagnostic& diagnostic =
            Error("ARGUMENT_TYPE", inputs->items[i].pos, path,
                  fmt::format("{} is no Input node", QuoteForMessage(node.id)), node.id);
        diagnostic.set_expected("the id of a node of type Input");
        if (const TextNode* type = node.value->Find("type")) diagnostic.set_found(type->Describe());
      }
    }
    for (Node& node : nodes_) {
      if (!node.input || node.listed) continue;
      if (inputs != nullptr) {
        report_
            .Warning("TC_UNLISTED_INPUT", node.pos, node.path,
                     fmt::format("the Input node {} is not among the inputs; it is taken as the "
                                 "last one",
                                 QuoteForMessage(node.id)))
            .set_node(node.id);
      }
      Input(node, node.pos, node.path);
    }
  }

  void Refer(const std::string& id, v1::Argument* out) { out->mutable_reference()->set_node(id); }

  std::string FreeId(const std::string& wanted) {
    std::string id = wanted;
    while (by_id_.contains(id)) id += "_";
    by_id_.emplace(id, -1);
    return id;
  }

  void Nodes() {
    v1::Value order, inputs;
    bool first = true, sorted = true;
    for (const Node& node : nodes_) {
      *order.mutable_list_value()->add_values() = TextValue(node.id);
      sorted = sorted && (!node.input || first);
      first = first && node.input;
      if (node.input) {
        v1::Value raw = RawValue(*node.value);
        raw.mutable_map_value()->mutable_fields()->erase("id");
        (*inputs.mutable_map_value()->mutable_fields())[node.id] = std::move(raw);
        Place(node);
      } else if (node.read) {
        One(node);
      } else {  // what hangs on it is checked all the same
        v1::Node* out = graph_.add_nodes();
        out->set_id(node.id);
        out->set_type(node.value->Find("type")->s);
        positions_->Add("nodes." + node.id, node.pos, node.path);
      }
    }
    if (!sorted) SetOrigin(graph_.mutable_extra(), "order", std::move(order));
    if (inputs.has_map_value()) SetOrigin(graph_.mutable_extra(), "inputs", std::move(inputs));
    KeepEdges();
  }

  // Where the file lists edges in another order than node by node.
  void KeepEdges() {
    const auto by_target = [](const auto& a, const auto& b) { return a.second < b.second; };
    if (std::is_sorted(edges_.begin(), edges_.end(), by_target)) return;
    v1::Value kept;
    for (const auto& [from, to] : edges_) {
      v1::ListValue* pair = kept.mutable_list_value()->add_values()->mutable_list_value();
      *pair->add_values() = TextValue(nodes_[static_cast<size_t>(from)].id);
      *pair->add_values() = TextValue(nodes_[static_cast<size_t>(to)].id);
    }
    SetOrigin(graph_.mutable_extra(), "edges", std::move(kept));
  }

  void Place(const Node& node) {
    const TextNode* x = node.value->Find("x");
    const TextNode* y = node.value->Find("y");
    if (x == nullptr || y == nullptr || !x->IsNumber() || !y->IsNumber()) return;
    v1::NodeView& view = (*graph_.mutable_view()->mutable_nodes())[node.id];
    view.set_x(x->AsDouble());
    view.set_y(y->AsDouble());
  }

  void One(const Node& node) {
    ReadNode read = EntryNode(*node.value);
    const std::string place = "nodes." + node.id;
    std::string pad;
    if (read.pad) {
      pad = FreeId(node.id + ".pad");
      v1::Node* zeros = graph_.add_nodes();
      const int dims = read.node.type() == "Conv2d" ? 2 : 1;
      zeros->set_id(pad);
      zeros->set_type(fmt::format("ZeroPad{}d", dims));
      v1::ListValue* sizes = (*zeros->mutable_params())["padding"].mutable_list_value();
      for (int i = 0; i < dims; ++i) {
        sizes->add_values()->set_int_value(read.pad->first);
        sizes->add_values()->set_int_value(read.pad->second);
      }
      if (!node.in.empty()) Refer(Id(node.in[0].from), zeros->add_inputs()->mutable_value());
      SetOrigin(zeros->mutable_extra(), "pad_of", TextValue(node.id));
      positions_->Add("nodes." + pad, node.pos, node.path);
    }
    v1::Node* out = graph_.add_nodes();
    *out = std::move(read.node);
    out->set_id(node.id);
    positions_->Add(place, node.pos, node.path);
    positions_->Add(place + ".type", node.value->Find("type")->pos, node.path + ".type");
    KeepForm(node, out);
    Place(node);
    if (read.even_same) EvenSame(node, read.even_padding);
    const size_t most = static_cast<size_t>(node.row == nullptr ? 1 : node.row->at_most);
    const size_t least = static_cast<size_t>(node.row == nullptr ? 1 : node.row->at_least);
    if (node.in.size() > most || (node.in.size() < least && least > 1)) {
      const bool more = node.in.size() > most;
      v1::Diagnostic& diagnostic =
          Error("ARITY", more ? node.in[most].pos : node.pos, more ? node.in[most].path : node.path,
                fmt::format("{} edges lead into {} ({})", node.in.size(), QuoteForMessage(node.id),
                            out->type()),
                node.id);
      diagnostic.set_expected(most == least ? fmt::format("exactly {}", most)
                                            : fmt::format("at least {}", least));
      diagnostic.set_found(fmt::format("{}", node.in.size()));
    }
    Connect(node, pad, out);
  }

  void Connect(const Node& node, const std::string& pad, v1::Node* out) {
    const std::string place = "nodes." + node.id;
    for (size_t i = 0; i < node.in.size(); ++i) {
      positions_->Add(i == 0 ? place + ".in" : fmt::format("{}.in.inputs[{}]", place, i),
                      node.in[i].pos, node.in[i].path);
      if (i == 0) positions_->Add(place + ".in.inputs[0]", node.in[i].pos, node.in[i].path);
    }
    if (node.row != nullptr && node.row->at_least > 1) {
      v1::ArgumentList* list = out->add_inputs()->mutable_value()->mutable_list();
      for (const Source& source : node.in) Refer(Id(source.from), list->add_items());
      return;
    }
    const size_t most = static_cast<size_t>(node.row == nullptr ? 1 : node.row->at_most);
    for (size_t i = 0; i < node.in.size() && i < most; ++i)
      Refer(i == 0 && !pad.empty() ? pad : Id(node.in[i].from), out->add_inputs()->mutable_value());
  }

  const std::string& Id(int index) const { return nodes_[static_cast<size_t>(index)].id; }

  // An entry that the writer would write in another way goes back as it was read.
  void KeepForm(const Node& node, v1::Node* out) {
    v1::Value raw = RawValue(*node.value);
    raw.mutable_map_value()->mutable_fields()->erase("id");
    const auto plain = PlainEntry(*out);
    Json sorted = Json::object();
    if (plain) {
      Append(sorted, "params", plain->at("params"));
      Append(sorted, "type", plain->at("type"));
    }
    if (plain && RawJson(raw) == sorted) return;
    SetOrigin(out->mutable_extra(), "node", std::move(raw));
  }

  void EvenSame(const Node& node, int64_t padding) {
    TextPos pos = node.pos;
    std::string path = node.path;
    if (const TextNode* params = node.value->Find("params")) {
      if (const TextEntry* entry = params->FindEntry("padding")) {
        pos = entry->key_pos;
        path += ".params.padding";
      }
    }
    v1::Diagnostic& diagnostic = report_.Warning(
        "TC_SAME_EVEN_KERNEL", pos, path,
        "\"same\" with an even kernel keeps the size here; TorchCanvas gives one element more");
    diagnostic.set_node(node.id);
    diagnostic.set_param("padding");
    diagnostic.set_expected(fmt::format("an odd kernel, or padding {}", padding));
    diagnostic.set_found("same");
    v1::Fix* fix = diagnostic.add_fixes();
    fix->set_description(fmt::format("set padding to {}", padding));
    v1::SetParam* edit = fix->add_edits()->mutable_set_param();
    edit->set_node(node.id);
    edit->set_param("padding");
    edit->mutable_value()->set_int_value(padding);
  }

  void Outputs(const TextNode& root) {
    const TextNode* outputs = report_.List(root, "outputs", "outputs");
    const auto add = [&](const Node& node, const TextPos& pos, const std::string& path) {
      v1::GraphOutput* out = graph_.add_outputs();
      out->set_name(node.id);
      Refer(node.id, out->mutable_value());
      positions_->Add("outputs." + node.id, pos, path);
    };
    if (outputs != nullptr && !outputs->items.empty()) {
      for (size_t i = 0; i < outputs->items.size(); ++i) {
        const std::string path = fmt::format("outputs[{}]", i);
        const int index = Known(outputs->items[i], path, "an output");
        if (index >= 0) add(nodes_[static_cast<size_t>(index)], outputs->items[i].pos, path);
      }
    } else {
      for (const Node& node : nodes_) {
        if (node.output) add(node, node.pos, node.path);
      }
    }
    graph_.set_output_form(graph_.outputs_size() > 1 ? v1::OUTPUT_FORM_DICT
                                                     : v1::OUTPUT_FORM_SINGLE);
  }

  // Channels first data that reaches a recurrent node.
  void Layouts() {
    std::vector<Layout> layouts(nodes_.size(), Layout::kAsInput);
    std::vector<bool> done(nodes_.size(), false);
    std::vector<int> stack;
    for (size_t start = 0; start < nodes_.size(); ++start) {
      // Follows first inputs down to one that tells, then gives it to all on the way.
      stack.clear();
      int at = static_cast<int>(start);
      Layout found = Layout::kOther;
      while (true) {
        const Node& node = nodes_[static_cast<size_t>(at)];
        if (done[static_cast<size_t>(at)]) {
          found = layouts[static_cast<size_t>(at)];
          break;
        }
        done[static_cast<size_t>(at)] = true;
        stack.push_back(at);
        const Layout own = node.row == nullptr ? Layout::kOther : node.row->layout;
        if (own != Layout::kAsInput || node.in.empty()) {
          found = own == Layout::kAsInput ? Layout::kOther : own;
          break;
        }
        at = node.in[0].from;
      }
      for (const int i : stack) layouts[static_cast<size_t>(i)] = found;
    }
    for (const Node& node : nodes_) {
      if (node.row == nullptr || !node.row->reads_time_first || node.in.empty()) continue;
      const Source& source = node.in[0];
      if (layouts[static_cast<size_t>(source.from)] != Layout::kChannelsFirst) continue;
      v1::Diagnostic& diagnostic =
          report_.Warning("TC_LAYOUT", source.pos, source.path,
                          fmt::format("{} gives [B, C, T], {} reads [B, T, H]",
                                      QuoteForMessage(Id(source.from)), QuoteForMessage(node.id)));
      diagnostic.set_node(node.id);
      diagnostic.set_expected("[B, T, H]: a Permute_BCT_to_BTH between them");
      v1::Fix* fix = diagnostic.add_fixes();
      fix->set_description("insert Permute_BCT_to_BTH");
      const std::string id = FreeId(node.id + "_permute");
      v1::Node* permute = fix->add_edits()->mutable_add_node()->mutable_node();
      permute->set_id(id);
      permute->set_type("Permute_BCT_to_BTH");
      Refer(Id(source.from), permute->add_inputs()->mutable_value());
      v1::Connect* connect = fix->add_edits()->mutable_connect();
      connect->mutable_source()->set_node(id);
      connect->set_node(node.id);
      connect->set_port("input");
    }
  }

  graph::SourceMap* positions_;
  graph::Reader report_;
  v1::Graph graph_;
  std::vector<Node> nodes_;
  StringMap<int> by_id_;
  std::vector<std::pair<int, int>> edges_;
  int suggestions_ = 0;
};

}  // namespace

v1::Graph ReadGraph(const TextNode& root, std::string_view file, graph::SourceMap* positions,
                    std::vector<v1::Diagnostic>* diagnostics) {
  graph::SourceMap unused;
  return Importer(file, positions != nullptr ? positions : &unused, diagnostics).Run(root);
}

}  // namespace graphkiln::formats::torchcanvas
