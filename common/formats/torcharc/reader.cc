#include "common/formats/torcharc/reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/strings.h"
#include "common/formats/raw.h"
#include "common/formats/torcharc/module_spec.h"
#include "common/formats/torcharc/module_writer.h"
#include "common/graph/encode.h"
#include "common/graph/limits.h"
#include "common/graph/reader.h"
#include "fmt/format.h"

namespace graphkiln::formats::torcharc {
namespace {

constexpr size_t kMostNames = 2000;
constexpr int kMostSuggestions = 100;

class Importer {
 public:
  Importer(std::string_view file, graph::SourceMap* positions,
           std::vector<v1::Diagnostic>* diagnostics)
      : positions_(positions), report_(file, positions, diagnostics), specs_(report_) {}

  v1::Graph Run(const TextNode& root) {
    graph_.set_schema_version(1);
    SetOrigin(graph_.mutable_extra(), "format", TextValue("torcharc"));
    if (!report_.Expect(root, TextNode::Kind::kMap, "")) return std::move(graph_);
    KeepUnknown(root, {"modules", "graph"}, "", "fields");
    const TextNode* modules = Need(root, "modules", "");
    const TextNode* calls = nullptr;
    if (const TextNode* graph = Need(root, "graph", "")) {
      KeepUnknown(*graph, {"input", "modules", "output"}, "graph", "graph_fields");
      Inputs(*graph);
      calls = Need(*graph, "modules", "graph");
      if (modules != nullptr && calls != nullptr) Modules(*modules, *calls);
      Output(*graph);
    }
    return std::move(graph_);
  }

 private:
  struct Module {
    const TextNode* value;
    ModuleSpec spec;
    std::string owner;  // id of the first call
    size_t place;       // in the file
  };

  v1::Diagnostic& Error(std::string_view code, const TextPos& pos, std::string path,
                        std::string message, std::string_view node) {
    v1::Diagnostic& diagnostic = report_.Error(code, pos, std::move(path), std::move(message));
    diagnostic.set_node(std::string(node.substr(0, 200)));
    return diagnostic;
  }

  const TextNode* Need(const TextNode& map, std::string_view key, const std::string& path) {
    const TextNode* node = map.Find(key);
    const std::string at = path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
    if (node == nullptr) {
      report_
          .Error("MISSING_KEY", map.pos, path,
                 fmt::format("{} is missing: a TorchArc file has modules and graph with input, "
                             "modules and output",
                             at))
          .set_expected(std::string(key));
      return nullptr;
    }
    return report_.Expect(*node, TextNode::Kind::kMap, at) ? node : nullptr;
  }

  void KeepUnknown(const TextNode& map, std::initializer_list<std::string_view> known,
                   const std::string& path, std::string_view as) {
    v1::Value kept;
    for (const TextEntry& entry : map.entries) {
      if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
      (*kept.mutable_map_value()->mutable_fields())[entry.key] = RawValue(entry.value);
    }
    if (!kept.has_map_value()) return;
    report_.Unknown(map, known, path, nullptr);
    SetOrigin(graph_.mutable_extra(), as, std::move(kept));
  }

  void Input(const TextNode& name, const std::string& path) {
    if (!name.IsString() || name.s.empty()) {
      Error("SYNTAX", name.pos, path, "an input is a name", "").set_found(name.Describe());
      return;
    }
    v1::GraphInput* input = graph_.add_inputs();
    input->set_name(name.s);
    input->set_shape_known(false);
    positions_->Add("inputs." + name.s, name.pos, path);
    if (!names_.emplace(name.s, name.s).second)
      Error("DUPLICATE_ID", name.pos, path,
            fmt::format("two inputs are called {}", QuoteForMessage(name.s)), "");
  }

  void Inputs(const TextNode& graph) {
    const TextNode* input = graph.Find("input");
    if (input == nullptr || (input->IsList() && input->items.empty())) {
      report_.Error("MISSING_KEY", graph.pos, "graph", "graph has no input")
          .set_expected("input: NAME, or a list of names");
    } else if (input->IsList()) {
      if (input->items.size() == 1) {
        v1::Value listed;
        listed.set_bool_value(true);
        SetOrigin(graph_.mutable_extra(), "input_list", std::move(listed));
      }
      for (size_t i = 0; i < input->items.size(); ++i)
        Input(input->items[i], fmt::format("graph.input[{}]", i));
    } else {
      Input(*input, "graph.input");
    }
  }

  void Modules(const TextNode& modules, const TextNode& calls) {
    if (modules.entries.size() > graph::kMostNodes || calls.entries.size() > graph::kMostNodes) {
      report_.Error("LIMIT", calls.pos, "graph.modules",
                    fmt::format("a graph has at most {} nodes", graph::kMostNodes));
      return;
    }
    StringSet used;
    for (const TextEntry& call : calls.entries) {
      used.insert(call.key.substr(0, call.key.find('~')));
      later_.insert(call.key);
    }
    modules_.reserve(modules.entries.size());
    for (size_t i = 0; i < modules.entries.size(); ++i) {
      const TextEntry& entry = modules.entries[i];
      Module module{&entry.value, specs_.Read(entry.key, entry.value, used.contains(entry.key)), "",
                    i};
      modules_.emplace(entry.key, std::move(module));
    }
    for (const TextEntry& call : calls.entries) Call(call);
    Unused(modules);
  }

  // Modules that no call names, and the order of the others where it is not that of the calls.
  void Unused(const TextNode& modules) {
    v1::Value unused, order;
    bool ordered = true;
    size_t last = 0;
    for (const v1::Node& node : graph_.nodes()) {
      if (!node.module().empty()) continue;
      const Module& module = modules_.find(ModuleOf(node))->second;
      ordered = ordered && module.place >= last;
      last = module.place;
    }
    for (const TextEntry& entry : modules.entries) {
      *order.mutable_list_value()->add_values() = TextValue(entry.key);
      if (!modules_.find(entry.key)->second.owner.empty()) continue;
      report_
          .Warning("TA_UNUSED_MODULE", entry.key_pos, fmt::format("modules.{}", entry.key),
                   fmt::format("the graph does not call the module {}", QuoteForMessage(entry.key)))
          .set_node(entry.key.substr(0, 200));
      (*unused.mutable_map_value()->mutable_fields())[entry.key] = RawValue(entry.value);
    }
    if (unused.has_map_value()) SetOrigin(graph_.mutable_extra(), "unused", std::move(unused));
    if (!ordered) SetOrigin(graph_.mutable_extra(), "order", std::move(order));
  }

  static std::string ModuleOf(const v1::Node& node) {
    return node.name().empty() ? node.id() : node.name();
  }

  void Call(const TextEntry& call) {
    const std::string path = "graph.modules." + call.key;
    later_.erase(call.key);
    const size_t tilde = call.key.find('~');
    const std::string name = call.key.substr(0, tilde);
    if (tilde != std::string::npos && call.key.find('~', tilde + 1) != std::string::npos) {
      v1::Diagnostic& diagnostic =
          Error("BAD_ID", call.key_pos, path,
                fmt::format("{} has more than one ~; it stands once, between a module and a suffix",
                            QuoteForMessage(call.key)),
                call.key);
      diagnostic.set_expected("MODULE~SUFFIX");
      diagnostic.set_found(call.key.substr(0, 200));
      names_.insert_or_assign(call.key, call.key);
      return;
    }
    const auto found = modules_.find(name);
    if (found == modules_.end()) {
      v1::Diagnostic& diagnostic =
          Error("UNKNOWN_REFERENCE", call.key_pos, path,
                fmt::format("there is no module {}", QuoteForMessage(name)), call.key);
      diagnostic.set_found(name.substr(0, 200));
      Suggest(name, modules_, diagnostic);
      names_.insert_or_assign(call.key, call.key);
      return;
    }
    Module& module = found->second;
    // An input of the same name is legal; from here on the name means the call.
    std::string id = call.key;
    while (ids_.contains(id) || IsInput(id)) id += "_";
    v1::Node* node = graph_.add_nodes();
    if (module.owner.empty()) {
      *node = module.spec.node;
      module.owner = id;
      // Dots in a name stay in the keys of the weights; in an id they would not.
      if (id != name || name.find('.') != std::string::npos) node->set_name(name);
      KeepForm(module, node);
      for (const Spot& spot : module.spec.spots)
        positions_->Add(fmt::format("nodes.{}{}", id, spot.part), spot.pos, spot.path);
    } else {
      node->set_type(module.spec.node.type());
      node->set_module(module.owner);
    }
    node->set_id(id);
    if (id != call.key) SetOrigin(node->mutable_extra(), "id", TextValue(call.key));
    positions_->Add("nodes." + id, call.key_pos, path);
    positions_->Add("nodes." + id + ".in", call.value.pos, path);
    Arguments(call, path, module, node);
    ids_.insert(id);
    names_.insert_or_assign(call.key, id);
  }

  bool IsInput(const std::string& id) const {
    const auto it = names_.find(id);
    return it != names_.end() && it->second == id && !ids_.contains(id);
  }

  // A module that the writer would write in another way goes back as it was read.
  static void KeepForm(const Module& module, v1::Node* node) {
    if (!module.spec.ok) return;
    v1::Value raw = RawValue(*module.value);
    const auto written = PlainModule(*node);
    if (written && RawJson(raw) == *written) return;
    SetOrigin(node->mutable_extra(), "module", std::move(raw));
  }

  void Arguments(const TextEntry& call, const std::string& path, const Module& module,
                 v1::Node* node) {
    const std::vector<std::string>& ports = module.spec.ports;
    const auto place = [&](std::string_view port, const TextPos& pos, std::string at) {
      positions_->Add(fmt::format("nodes.{}.in.{}", node->id(), port), pos, std::move(at));
    };
    if (call.value.IsMap()) {
      for (const TextEntry& argument : call.value.entries) {
        const std::string at = path + "." + argument.key;
        v1::NodeInput* input = node->add_inputs();
        input->set_port(PortOf(argument.key, module));
        place(input->port(), argument.key_pos, at);
        if (argument.value.IsString()) {
          Reference(argument.value, at, call.key, input->mutable_value());
        } else {
          Error("SYNTAX", argument.value.pos, at, "a named argument is one name", call.key)
              .set_found(argument.value.Describe());
        }
      }
      return;
    }
    if (!call.value.IsList()) {
      v1::Diagnostic& diagnostic =
          Error("SYNTAX", call.value.pos, path,
                fmt::format("the arguments of {} are a list or a map, found {}", call.key,
                            call.value.KindName()),
                call.key);
      diagnostic.set_expected("[NAME, ...] or {ARGUMENT: NAME}");
      diagnostic.set_found(call.value.Describe());
      return;
    }
    if (module.spec.one_list && (call.value.items.size() != 1 || !call.value.items[0].IsList())) {
      Error("ARITY", call.value.pos, path,
            fmt::format("{} takes one list of tensors: [[a, b]]", module.spec.node.type()),
            call.key)
          .set_expected("[[NAME, ...]]");
    }
    for (size_t i = 0; i < call.value.items.size(); ++i) {
      const TextNode& item = call.value.items[i];
      const std::string at = fmt::format("{}[{}]", path, i);
      if (i < ports.size()) place(ports[i], item.pos, at);
      v1::Argument* value = node->add_inputs()->mutable_value();
      if (!item.IsList()) {
        Reference(item, at, call.key, value);
        continue;
      }
      value->mutable_list();
      for (size_t k = 0; k < item.items.size(); ++k) {
        Reference(item.items[k], fmt::format("{}[{}]", at, k), call.key,
                  value->mutable_list()->add_items());
      }
    }
  }

  // The forward arguments have our names, but for single ones that are `x` or `tensors` there.
  static std::string PortOf(const std::string& argument, const Module& module) {
    const std::vector<std::string>& ports = module.spec.ports;
    const bool other = argument == "x" || argument == "input" || argument == "tensors";
    return ports.size() == 1 && other ? ports[0] : argument;
  }

  void Reference(const TextNode& node, const std::string& path, std::string_view from,
                 v1::Argument* out) {
    if (!node.IsString()) {
      Error("SYNTAX", node.pos, path, "an argument is the name of an input or of a call above",
            from)
          .set_found(node.Describe());
      return;
    }
    const auto it = names_.find(node.s);
    if (it != names_.end()) {
      out->mutable_reference()->set_node(it->second);
      return;
    }
    const bool below = later_.contains(node.s) || node.s == from;
    v1::Diagnostic& diagnostic =
        Error("UNKNOWN_REFERENCE", node.pos, path,
              below ? fmt::format("{} is called below; an argument comes from above",
                                  QuoteForMessage(node.s))
                    : fmt::format("there is no input or call {}", QuoteForMessage(node.s)),
              from);
    diagnostic.set_found(node.s.substr(0, 200));
    if (below) {
      diagnostic.set_expected("a name from above");
    } else {
      Suggest(node.s, names_, diagnostic);
    }
  }

  template <class Map>
  void Suggest(const std::string& name, const Map& map, v1::Diagnostic& diagnostic) {
    if (map.size() > kMostNames || ++suggestions_ > kMostSuggestions) return;
    std::vector<std::string> names;
    for (const auto& entry : map) names.push_back(entry.first);
    std::sort(names.begin(), names.end());
    if (const auto near = NearestName(name, names)) diagnostic.set_expected(*near);
  }

  void Output(const TextNode& graph) {
    const TextNode* output = graph.Find("output");
    const auto add = [&](std::string name, const TextNode& node, std::string path) {
      v1::GraphOutput* out = graph_.add_outputs();
      positions_->Add("outputs." + name, node.pos, path);
      out->set_name(std::move(name));
      Reference(node, path, "", out->mutable_value());
    };
    if (output == nullptr || output->IsNull()) {
      report_.Error("MISSING_KEY", graph.pos, "graph", "graph has no output")
          .set_expected("output: NAME, a list or a map of names");
    } else if (output->IsList()) {
      graph_.set_output_form(v1::OUTPUT_FORM_TUPLE);
      for (size_t i = 0; i < output->items.size(); ++i)
        add(fmt::format("{}", i), output->items[i], fmt::format("graph.output[{}]", i));
    } else if (output->IsMap()) {
      graph_.set_output_form(v1::OUTPUT_FORM_DICT);
      for (const TextEntry& entry : output->entries)
        add(entry.key, entry.value, "graph.output." + entry.key);
    } else {
      graph_.set_output_form(v1::OUTPUT_FORM_SINGLE);
      add("output", *output, "graph.output");
    }
  }

  graph::SourceMap* positions_;
  graph::Reader report_;
  SpecReader specs_;
  v1::Graph graph_;
  StringMap<Module> modules_;
  StringMap<std::string> names_;  // what a name means now -> our id
  StringSet ids_;                 // of nodes
  StringSet later_;               // calls below
  int suggestions_ = 0;
};

}  // namespace

v1::Graph ReadGraph(const TextNode& root, std::string_view file, graph::SourceMap* positions,
                    std::vector<v1::Diagnostic>* diagnostics) {
  graph::SourceMap unused;
  return Importer(file, positions != nullptr ? positions : &unused, diagnostics).Run(root);
}

}  // namespace graphkiln::formats::torcharc
