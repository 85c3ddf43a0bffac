#include "common/graph/text.h"

#include <cctype>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "common/graph/limits.h"
#include "common/graph/reader.h"
#include "fmt/format.h"

namespace graphkiln::graph {
namespace {

// `$name` somewhere, unless the dollar is doubled.
bool IsExpression(std::string_view text) {
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] != '$') continue;
    if (text[i + 1] == '$') {
      ++i;
    } else if (std::isalpha(static_cast<unsigned char>(text[i + 1])) || text[i + 1] == '_') {
      return true;
    }
  }
  return text.find("input.dim(") != std::string_view::npos;
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '$' && next == '|') {
      ++i;
      continue;
    }
    out += text[i];
    if (text[i] == '$' && next == '$') ++i;
  }
  return out;
}

v1::DataType DType(const std::string& name) {
  v1::DataType dtype = v1::DATA_TYPE_UNSPECIFIED;
  std::string upper = "DATA_TYPE_";
  for (const char c : name) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return v1::DataType_Parse(upper, &dtype) ? dtype : v1::DATA_TYPE_UNSPECIFIED;
}

class GraphReader {
 public:
  GraphReader(std::string_view file, SourceMap* positions, std::vector<v1::Diagnostic>* diagnostics)
      : reader_(file, positions, diagnostics) {}

  v1::Graph Run(const TextNode& root) {
    Header(root);
    if (const TextNode* composites = reader_.Map(root, "composites", "composites")) {
      for (const TextEntry& entry : composites->entries) {
        *graph_.add_composites() = ReadComposite(entry, "composites." + entry.key, reader_);
      }
    }
    const TextNode* nodes = reader_.Map(root, "nodes", "nodes");
    const TextNode* inputs = reader_.Map(root, "inputs", "inputs");
    StringSet ids;
    for (const TextNode* map : {nodes, inputs}) {
      if (map == nullptr) continue;
      for (const TextEntry& entry : map->entries) ids.insert(entry.key);
    }
    if (inputs != nullptr) {
      for (const TextEntry& entry : inputs->entries) Input(entry);
    }
    if (nodes != nullptr && nodes->entries.size() > kMostNodes) {
      reader_.Error("LIMIT", nodes->pos, "nodes",
                    fmt::format("a graph has at most {} nodes", kMostNodes));
    } else if (nodes != nullptr) {
      for (const TextEntry& entry : nodes->entries) {
        reader_.Node(entry, ids, "nodes." + entry.key, graph_.add_nodes(), {});
      }
    }
    if (const TextNode* outputs = reader_.Map(root, "outputs", "outputs")) {
      reader_.Outputs(*outputs, ids, "outputs", graph_.mutable_outputs());
    }
    View(root);
    return std::move(graph_);
  }

 private:
  void Header(const TextNode& root) {
    const TextNode* version = root.Find("graphkiln");
    if (version != nullptr && (!version->IsInt() || version->i != 1)) {
      v1::Diagnostic& diagnostic = reader_.Error("BAD_VERSION", version->pos, "graphkiln",
                                                 "unknown version of the graph form");
      diagnostic.set_expected("1");
      diagnostic.set_found(version->Describe());
    }
    graph_.set_schema_version(1);
    graph_.set_name(reader_.Text(root, "name", ""));
    graph_.set_doc(reader_.Text(root, "doc", ""));
    if (const TextNode* variables = reader_.Map(root, "variables", "variables")) {
      for (const TextEntry& entry : variables->entries) {
        reader_.Place("variables." + entry.key, entry.key_pos);
        (*graph_.mutable_variables())[entry.key] = ReadValue(entry.value);
      }
    }
    if (const TextNode* labels = reader_.Map(root, "labels", "labels")) {
      for (const TextEntry& entry : labels->entries) {
        if (reader_.Expect(entry.value, TextNode::Kind::kString, "labels." + entry.key)) {
          (*graph_.mutable_labels())[entry.key] = entry.value.s;
        }
      }
    }
    const std::string form = reader_.Text(root, "output_form", "");
    if (form == "single") {
      graph_.set_output_form(v1::OUTPUT_FORM_SINGLE);
    } else if (form == "tuple") {
      graph_.set_output_form(v1::OUTPUT_FORM_TUPLE);
    } else if (form == "dict") {
      graph_.set_output_form(v1::OUTPUT_FORM_DICT);
    } else if (!form.empty()) {
      reader_
          .Error("PARAM_RANGE", root.Find("output_form")->pos, "output_form",
                 "unknown form of the outputs")
          .set_expected("single, tuple or dict");
    }
    v1::MapValue extra;
    reader_.Unknown(root,
                    {"graphkiln", "name", "doc", "variables", "inputs", "nodes", "outputs",
                     "output_form", "composites", "view", "labels"},
                    "", &extra);
    if (extra.fields_size() > 0) *graph_.mutable_extra() = std::move(extra);
  }

  void Input(const TextEntry& entry) {
    const std::string path = "inputs." + entry.key;
    reader_.Place(path, entry.key_pos);
    v1::GraphInput* input = graph_.add_inputs();
    input->set_name(entry.key);
    if (!reader_.Expect(entry.value, TextNode::Kind::kMap, path)) return;
    input->set_doc(reader_.Text(entry.value, "doc", path));
    v1::TensorSpec* spec = input->mutable_spec();
    spec->set_dtype(v1::DATA_TYPE_FLOAT32);
    if (const TextNode* dtype = entry.value.Find("dtype")) {
      if (reader_.Expect(*dtype, TextNode::Kind::kString, path + ".dtype")) {
        spec->set_dtype(DType(dtype->s));
        if (spec->dtype() == v1::DATA_TYPE_UNSPECIFIED) {
          v1::Diagnostic& diagnostic =
              reader_.Error("BAD_SHAPE", dtype->pos, path + ".dtype",
                            fmt::format("unknown element type {}", QuoteForMessage(dtype->s)));
          diagnostic.set_expected(
              "float32, float64, float16, bfloat16, int64, int32, int16, int8, uint8 or bool");
          diagnostic.set_found(dtype->s.substr(0, 200));
          spec->set_dtype(v1::DATA_TYPE_FLOAT32);
        }
      }
    }
    const TextNode* shape = entry.value.Find("shape");
    if (shape == nullptr) {
      reader_.Error("MISSING_KEY", entry.key_pos, path + ".shape", "the input has no shape")
          .set_expected("shape: [B, ...]");
      return;
    }
    if (shape->IsNull()) {  // the file's format has none; the caller may still tell it
      input->set_shape_known(false);
      return;
    }
    if (!reader_.Expect(*shape, TextNode::Kind::kList, path + ".shape")) return;
    for (const TextNode& size : shape->items) {
      v1::Dim* dim = spec->add_shape();
      if (size.IsInt()) {
        dim->set_size(size.i);
      } else if (size.IsString()) {
        dim->set_symbol(size.s);
      } else {
        v1::Diagnostic& diagnostic = reader_.Error("BAD_SHAPE", size.pos, path + ".shape",
                                                   "a size is a whole number or a symbol");
        diagnostic.set_expected("a whole number or a symbol");
        diagnostic.set_found(size.Describe());
        dim->set_size(1);
      }
    }
    reader_.Unknown(entry.value, {"dtype", "shape", "doc"}, path, nullptr);
  }

  void View(const TextNode& root) {
    const TextNode* view = reader_.Map(root, "view", "view");
    if (view == nullptr) return;
    for (const TextEntry& entry : view->entries) {
      if (!reader_.Expect(entry.value, TextNode::Kind::kMap, "view." + entry.key)) continue;
      v1::NodeView& out = (*graph_.mutable_view()->mutable_nodes())[entry.key];
      const TextNode* x = entry.value.Find("x");
      const TextNode* y = entry.value.Find("y");
      if (x != nullptr && x->IsNumber()) out.set_x(x->AsDouble());
      if (y != nullptr && y->IsNumber()) out.set_y(y->AsDouble());
      const TextNode* collapsed = entry.value.Find("collapsed");
      if (collapsed != nullptr && collapsed->IsBool()) out.set_collapsed(collapsed->b);
    }
  }

  Reader reader_;
  v1::Graph graph_;
};

}  // namespace

v1::Value ReadValue(const TextNode& node) {
  v1::Value value;
  switch (node.kind) {
    case TextNode::Kind::kNull:
      value.set_null_value(v1::NULL_VALUE_UNSPECIFIED);
      break;
    case TextNode::Kind::kBool:
      value.set_bool_value(node.b);
      break;
    case TextNode::Kind::kInt:
      value.set_int_value(node.i);
      break;
    case TextNode::Kind::kDouble:
      value.set_double_value(node.d);
      break;
    case TextNode::Kind::kString:
      if (node.s == "$+inf" || node.s == "$-inf") {
        value.set_double_value(node.s == "$+inf" ? HUGE_VAL : -HUGE_VAL);
      } else if (node.s == "$?nan") {
        value.set_double_value(std::nan(""));
      } else if (IsExpression(node.s)) {
        value.set_expression(node.s);
      } else {
        value.set_string_value(Unescape(node.s));
      }
      break;
    case TextNode::Kind::kList:
      value.mutable_list_value();
      // The text reader bounds the depth.
      for (const TextNode& item : node.items)
        *value.mutable_list_value()->add_values() = ReadValue(item);
      break;
    case TextNode::Kind::kMap:
      value.mutable_map_value();
      for (const TextEntry& entry : node.entries)
        (*value.mutable_map_value()->mutable_fields())[entry.key] = ReadValue(entry.value);
      break;
  }
  return value;
}

absl::StatusOr<v1::Graph> ReadGraph(const TextNode& root, std::string_view file,
                                    SourceMap* positions,
                                    std::vector<v1::Diagnostic>* diagnostics) {
  Reader reader(file, positions, diagnostics);
  if (!reader.Expect(root, TextNode::Kind::kMap, ""))
    return absl::InvalidArgumentError("a graph is a map");
  return GraphReader(file, positions, diagnostics).Run(root);
}

absl::StatusOr<v1::Graph> ReadGraph(std::string_view bytes, std::string_view file,
                                    SourceMap* positions,
                                    std::vector<v1::Diagnostic>* diagnostics) {
  TextLimits limits;
  TextError error;
  const auto root = ReadText(bytes, limits, &error);
  if (!root.ok()) {
    Reader reader(file, positions, diagnostics);
    const bool duplicate = error.message.find("duplicate key") != std::string::npos;
    reader.Error(duplicate ? "DUPLICATE_KEY" : "SYNTAX", error.pos, "", error.message);
    return root.status();
  }
  return ReadGraph(*root, file, positions, diagnostics);
}

}  // namespace graphkiln::graph
