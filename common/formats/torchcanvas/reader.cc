#include "common/formats/torchcanvas/reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/strings.h"
#include "common/formats/raw.h"
#include "common/formats/torchcanvas/entries.h"
#include "common/formats/torchcanvas/layout.h"
#include "common/formats/torchcanvas/node_entry.h"
#include "common/graph/reader.h"
#include "fmt/format.h"

namespace graphkiln::formats::torchcanvas {
namespace {

class Importer {
 public:
  Importer(std::string_view file, graph::SourceMap* positions,
           std::vector<v1::Diagnostic>* diagnostics)
      : positions_(positions),
        report_(file, positions, diagnostics),
        entries_(report_, positions) {}

  v1::Graph Run(const TextNode& root) {
    graph_.set_schema_version(1);
    SetOrigin(graph_.mutable_extra(), "format", TextValue("torchcanvas"));
    if (!report_.Expect(root, TextNode::Kind::kMap, "")) return std::move(graph_);
    Header(root);
    if (!entries_.Read(root)) return std::move(graph_);
    Inputs(root);
    Nodes();
    Outputs(root);
    CheckLayouts(entries_, report_);
    return std::move(graph_);
  }

 private:
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

  void Input(const Entry& node, const TextPos& pos, const std::string& path) {
    if (!inputs_.insert(node.id).second) {
      entries_.Error("DUPLICATE_ID", pos, path,
                     fmt::format("the input {} stands twice", QuoteForMessage(node.id)), node.id);
      return;
    }
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
        const int index = entries_.Find(inputs->items[i], path, "an input");
        if (index < 0) continue;
        const Entry& node = entries_.at(index);
        if (node.input) {
          Input(node, inputs->items[i].pos, path);
          continue;
        }
        v1::Diagnostic& diagnostic =
            entries_.Error("ARGUMENT_TYPE", inputs->items[i].pos, path,
                           fmt::format("{} is no Input node", QuoteForMessage(node.id)), node.id);
        diagnostic.set_expected("the id of a node of type Input");
        if (const TextNode* type = node.value->Find("type")) diagnostic.set_found(type->Describe());
      }
    }
    for (const Entry& node : entries_.all()) {
      if (!node.input || inputs_.contains(node.id)) continue;
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

  void Nodes() {
    v1::Value order, inputs;
    bool first = true, sorted = true;
    for (const Entry& node : entries_.all()) {
      *order.mutable_list_value()->add_values() = TextValue(node.id);
      sorted = sorted && (!node.input || first);
      first = first && node.input;
      if (node.input) {
        v1::Value raw = RawValue(*node.value);
        raw.mutable_map_value()->mutable_fields()->erase("id");
        (*inputs.mutable_map_value()->mutable_fields())[node.id] = std::move(raw);
        Place(node);
      } else if (node.readable) {
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
    const auto& edges = entries_.edges();
    if (std::is_sorted(edges.begin(), edges.end(), by_target)) return;
    v1::Value kept;
    for (const auto& [from, to] : edges) {
      v1::ListValue* pair = kept.mutable_list_value()->add_values()->mutable_list_value();
      *pair->add_values() = TextValue(Id(from));
      *pair->add_values() = TextValue(Id(to));
    }
    SetOrigin(graph_.mutable_extra(), "edges", std::move(kept));
  }

  void Place(const Entry& node) {
    const TextNode* x = node.value->Find("x");
    const TextNode* y = node.value->Find("y");
    if (x == nullptr || y == nullptr || !x->IsNumber() || !y->IsNumber()) return;
    v1::NodeView& view = (*graph_.mutable_view()->mutable_nodes())[node.id];
    view.set_x(x->AsDouble());
    view.set_y(y->AsDouble());
  }

  void One(const Entry& node) {
    ReadNode read = EntryNode(*node.value);
    const std::string place = "nodes." + node.id;
    std::string pad;
    if (read.pad) {
      pad = entries_.FreeId(node.id + ".pad");
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
      v1::Diagnostic& diagnostic = entries_.Error(
          "ARITY", more ? node.in[most].pos : node.pos, more ? node.in[most].path : node.path,
          fmt::format("{} edges lead into {} ({})", node.in.size(), QuoteForMessage(node.id),
                      out->type()),
          node.id);
      diagnostic.set_expected(most == least ? fmt::format("exactly {}", most)
                                            : fmt::format("at least {}", least));
      diagnostic.set_found(fmt::format("{}", node.in.size()));
    }
    Connect(node, pad, out);
  }

  void Connect(const Entry& node, const std::string& pad, v1::Node* out) {
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

  const std::string& Id(int index) const { return entries_.at(index).id; }

  // An entry that the writer would write in another way goes back as it was read.
  void KeepForm(const Entry& node, v1::Node* out) {
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

  void EvenSame(const Entry& node, int64_t padding) {
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
    StringSet named;
    const auto add = [&](const Entry& node, const TextPos& pos, const std::string& path) {
      if (!named.insert(node.id).second) {
        entries_.Error("DUPLICATE_ID", pos, path,
                       fmt::format("the output {} stands twice", QuoteForMessage(node.id)),
                       node.id);
        return;
      }
      v1::GraphOutput* out = graph_.add_outputs();
      out->set_name(node.id);
      Refer(node.id, out->mutable_value());
      positions_->Add("outputs." + node.id, pos, path);
    };
    if (outputs != nullptr && !outputs->items.empty()) {
      for (size_t i = 0; i < outputs->items.size(); ++i) {
        const std::string path = fmt::format("outputs[{}]", i);
        const int index = entries_.Find(outputs->items[i], path, "an output");
        if (index >= 0) add(entries_.at(index), outputs->items[i].pos, path);
      }
    } else {
      for (const Entry& node : entries_.all()) {
        if (node.output) add(node, node.pos, node.path);
      }
    }
    graph_.set_output_form(graph_.outputs_size() > 1 ? v1::OUTPUT_FORM_DICT
                                                     : v1::OUTPUT_FORM_SINGLE);
  }

  graph::SourceMap* positions_;
  graph::Reader report_;
  Entries entries_;
  v1::Graph graph_;
  StringSet inputs_;  // ids of those that stand in the graph
};

}  // namespace

v1::Graph ReadGraph(const TextNode& root, std::string_view file, graph::SourceMap* positions,
                    std::vector<v1::Diagnostic>* diagnostics) {
  graph::SourceMap unused;
  return Importer(file, positions != nullptr ? positions : &unused, diagnostics).Run(root);
}

}  // namespace graphkiln::formats::torchcanvas
