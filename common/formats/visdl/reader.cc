#include "common/formats/visdl/reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/strings.h"
#include "common/formats/raw.h"
#include "common/formats/visdl/entries.h"
#include "common/formats/visdl/types.h"
#include "common/graph/reader.h"
#include "fmt/format.h"

namespace graphkiln::formats::visdl {
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
    SetOrigin(graph_.mutable_extra(), "format", TextValue("visdl"));
    if (!report_.Expect(root, TextNode::Kind::kMap, "")) return std::move(graph_);
    const TextNode* document = &root;
    std::string prefix;  // of key paths
    if (root.Find("graph") != nullptr) {
      document = report_.Map(root, "graph", "graph");
      if (document == nullptr) return std::move(graph_);
      prefix = "graph.";
      Keep(root, {"graph"}, "saved");
    }
    Keep(*document, {"nodes", "edges"}, "fields");
    if (const TextNode* name = document->Find("name"); name != nullptr && name->IsString())
      graph_.set_name(name->s.substr(0, 1024));
    if (!entries_.Read(*document, prefix)) return std::move(graph_);
    if (const TextNode* edges = document->Find("edges"))
      SetOrigin(graph_.mutable_extra(), "edges", RawValue(*edges));
    for (const Entry& entry : entries_.all()) Node(entry);
    Input(root);
    std::vector<Entry>& all = entries_.all();
    for (size_t i = 0; i < all.size(); ++i)
      Connect(all[i], graph_.mutable_nodes(static_cast<int>(i)));
    Output();
    return std::move(graph_);
  }

 private:
  void Keep(const TextNode& map, std::initializer_list<std::string_view> known,
            std::string_view as) {
    v1::Value kept;
    for (const TextEntry& entry : map.entries) {
      if (std::find(known.begin(), known.end(), entry.key) == known.end())
        (*kept.mutable_map_value()->mutable_fields())[entry.key] = RawValue(entry.value);
    }
    if (kept.has_map_value()) SetOrigin(graph_.mutable_extra(), as, std::move(kept));
  }

  void Node(const Entry& entry) {
    v1::Node* node = graph_.add_nodes();
    if (entry.row != nullptr) {
      *node = EntryNode(*entry.value);
      KeepForm(*entry.value, node);
    } else {  // what hangs on it is checked all the same
      node->set_type(entry.value->Find("node_type")->s);
    }
    node->set_id(entry.id);
    node->set_name("n_" + entry.id);
    Place(*entry.value, entry.id);
  }

  // An entry that the writer would write in another way goes back as it was read.
  static void KeepForm(const TextNode& value, v1::Node* node) {
    v1::Value raw = RawValue(value);
    raw.mutable_map_value()->mutable_fields()->erase("id");
    v1::Value rest = raw;
    rest.mutable_map_value()->mutable_fields()->erase("position");  // which the view has
    const auto plain = PlainEntry(*node);
    if (plain && nlohmann::json(*plain) == nlohmann::json(RawJson(rest))) return;
    SetOrigin(node->mutable_extra(), "node", std::move(raw));
  }

  void Place(const TextNode& value, const std::string& id) {
    const TextNode* position = value.Find("position");
    if (position == nullptr) return;
    const TextNode* x = position->Find("x");
    const TextNode* y = position->Find("y");
    if (x == nullptr || y == nullptr || !x->IsNumber() || !y->IsNumber()) return;
    v1::NodeView& view = (*graph_.mutable_view()->mutable_nodes())[id];
    view.set_x(x->AsDouble());
    view.set_y(y->AsDouble());
  }

  void Input(const TextNode& root) {
    const Entry* first = nullptr;
    for (Entry& entry : entries_.all()) {
      if (entry.HasInput()) continue;
      if (first == nullptr) {
        first = &entry;
        if (entry.in.size() == 1) entry.in[0].push_back({-1, "", 0, entry.pos, entry.path});
        continue;
      }
      v1::Diagnostic& diagnostic =
          entries_.Error("VD_INPUTS", entry.pos, entry.path,
                         fmt::format("no edge leads into {} and {}; one node reads the data set",
                                     QuoteForMessage(first->id), QuoteForMessage(entry.id)),
                         entry.id);
      diagnostic.set_expected("one node without an incoming edge, such as a Split");
    }
    while (entries_.Has(input_)) input_ += "_";
    v1::GraphInput* input = graph_.add_inputs();
    input->set_name(input_);
    input->set_shape_known(false);
    if (first != nullptr) positions_->Add("inputs." + input_, first->pos, first->path);
    const TextNode* config = root.Find("config");
    const TextNode* columns = config == nullptr ? nullptr : config->Find("input_columns");
    if (columns == nullptr || !columns->IsString()) return;
    int64_t count = 0;
    for (const std::string_view column : SplitView(columns->s, ',')) {
      if (column.find_first_of("*?[") != std::string_view::npos) return;  // the data tells
      count += TrimView(column).empty() ? 0 : 1;
    }
    if (count == 0) return;
    input->set_shape_known(true);
    input->mutable_spec()->set_dtype(v1::DATA_TYPE_FLOAT32);
    input->mutable_spec()->add_shape()->set_symbol("B");
    input->mutable_spec()->add_shape()->set_size(count);
  }

  void Refer(const Source& source, v1::Argument* out) {
    v1::Reference* reference = out->mutable_reference();
    if (source.from < 0) {
      reference->set_node(input_);
      return;
    }
    reference->set_node(entries_.all()[static_cast<size_t>(source.from)].id);
    reference->set_port(std::string(source.port));
  }

  void Connect(Entry& entry, v1::Node* node) {
    const std::string place = "nodes." + entry.id + ".in";
    v1::ArgumentList* list = nullptr;
    for (size_t handle = 0; handle < entry.in.size(); ++handle) {
      std::vector<Source>& sources = entry.in[handle];
      if (sources.empty()) continue;
      std::stable_sort(sources.begin(), sources.end(),
                       [](const Source& a, const Source& b) { return a.order < b.order; });
      if (sources.size() > 1) {
        entries_
            .Error("ARITY", sources[1].pos, sources[1].path,
                   fmt::format("{} edges lead into one input of {}", sources.size(),
                               QuoteForMessage(entry.id)),
                   entry.id)
            .set_expected("exactly 1");
      }
      positions_->Add(place, sources[0].pos, sources[0].path);
      const bool as_list = entry.row != nullptr && entry.row->as_list;
      if (as_list) {
        if (list == nullptr) list = node->add_inputs()->mutable_value()->mutable_list();
        positions_->Add(fmt::format("{}.inputs[{}]", place, handle), sources[0].pos,
                        sources[0].path);
        Refer(sources[0], list->add_items());
        continue;
      }
      v1::NodeInput* input = node->add_inputs();
      if (entry.in.size() > 1) input->set_port(std::string(entry.row->handles[handle]));
      Refer(sources[0], input->mutable_value());
    }
  }

  void Output() {
    const Entry* last = nullptr;
    for (const Entry& entry : entries_.all()) {
      if (entry.read) continue;
      if (last != nullptr) {
        v1::Diagnostic& diagnostic = entries_.Error(
            "VD_OUTPUTS", entry.pos, entry.path,
            fmt::format("no edge leads out of {} and {}; one node is the model's output",
                        QuoteForMessage(last->id), QuoteForMessage(entry.id)),
            entry.id);
        diagnostic.set_expected("one node without an outgoing edge");
        continue;
      }
      last = &entry;
      v1::GraphOutput* output = graph_.add_outputs();
      output->set_name("output");
      v1::Reference* reference = output->mutable_value()->mutable_reference();
      reference->set_node(entry.id);
      if (entry.row != nullptr) reference->set_port(std::string(entry.row->outputs[0]));
      positions_->Add("outputs.output", entry.pos, entry.path);
    }
    graph_.set_output_form(v1::OUTPUT_FORM_SINGLE);
  }

  graph::SourceMap* positions_;
  graph::Reader report_;
  Entries entries_;
  v1::Graph graph_;
  std::string input_ = "x";
};

}  // namespace

v1::Graph ReadGraph(const TextNode& root, std::string_view file, graph::SourceMap* positions,
                    std::vector<v1::Diagnostic>* diagnostics) {
  graph::SourceMap unused;
  return Importer(file, positions != nullptr ? positions : &unused, diagnostics).Run(root);
}

}  // namespace graphkiln::formats::visdl
