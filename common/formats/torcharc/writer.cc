#include "common/formats/torcharc/writer.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

#include "common/base/free_names.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/formats/order.h"
#include "common/formats/torcharc/module_writer.h"
#include "common/formats/torcharc/types.h"
#include "common/formats/torcharc/unfold.h"
#include "common/graph/writer.h"
#include "common/nodes/given_params.h"
#include "common/nodes/registry.h"
#include "fmt/format.h"

namespace graphkiln::formats::torcharc {
namespace {

constexpr int kRows = 5;  // levels of the text that stand one entry a line

class Exporter {
 public:
  Exporter(const v1::Graph& graph, const compiler::CompileResult* compiled,
           const StringMap<std::string>* inside, std::vector<v1::Diagnostic>* diagnostics)
      : graph_(graph),
        origin_(graph, "torcharc"),
        inside_(inside),
        diagnostics_(diagnostics),
        sites_(compiled) {}

  std::optional<Json> Run() {
    Json input = Json::array();
    for (const v1::GraphInput& in : graph_.inputs()) {
      input.push_back(in.name());
      names_.emplace(in.name(), in.name());
      inputs_.insert(in.name());
    }
    const std::vector<int> order = CallOrder(graph_);
    Names(order);
    for (const int i : order) Node(graph_.nodes(i));
    Json out = Json::object();
    origin_.AppendFields("fields", {"modules", "graph"}, &out);
    Json output = Output();  // may add modules and calls
    Append(out, "modules", Ordered());
    Json graph = Json::object();
    origin_.AppendFields("graph_fields", {"input", "modules", "output"}, &graph);
    Append(graph, "input", input.size() == 1 && !ListedInput() ? input[0] : input);
    Append(graph, "modules", std::move(calls_));
    Append(graph, "output", std::move(output));
    Append(out, "graph", std::move(graph));
    for (const v1::Diagnostic& d : *diagnostics_) {
      if (d.severity() == v1::SEVERITY_ERROR) return std::nullopt;
    }
    return out;
  }

 private:
  void Lacks(const std::string& node, const std::string& message, v1::Severity severity) {
    const std::string* place = &node;
    if (inside_ != nullptr) {
      const auto whole = inside_->find(node);
      // What was taken apart is told once, of the node that the user wrote.
      if (whole != inside_->end() && !told_.insert(whole->second).second) return;
      if (whole != inside_->end()) place = &whole->second;
    }
    v1::Diagnostic& diagnostic = diagnostics_->emplace_back();
    diagnostic.set_severity(severity);
    diagnostic.set_code("UNSUPPORTED");
    diagnostic.set_message(fmt::format("TorchArc cannot say this: {}", message));
    diagnostic.set_node(*place);
  }

  bool ListedInput() const {
    const v1::Value* listed = origin_.Find("input_list");
    return listed != nullptr && listed->bool_value();
  }

  static std::string Plain(std::string text) {
    std::replace(text.begin(), text.end(), '~', '_');
    return text;
  }

  // Modules have the name of their weights, calls the id where that fits the form MODULE~SUFFIX.
  void Names(const std::vector<int>& order) {
    StringMap<std::string> modules;  // by id of the owner
    FreeNames taken;
    for (const int i : order) {
      const v1::Node& node = graph_.nodes(i);
      if (!node.module().empty()) continue;
      modules.emplace(node.id(), taken.New(Plain(node.name().empty() ? node.id() : node.name())));
    }
    FreeNames calls;
    for (const int i : order) {
      const v1::Node& node = graph_.nodes(i);
      const auto owner = modules.find(node.module().empty() ? node.id() : node.module());
      if (owner == modules.end()) {
        Lacks(node.id(), "the node whose weights it shares is not there", v1::SEVERITY_ERROR);
        continue;
      }
      const std::string& module = owner->second;
      const v1::Value* kept = origin_.Find(node, "id");
      const std::string id = kept != nullptr ? kept->string_value() : node.id();
      const bool fits = id == module || (id.starts_with(module + "~") &&
                                         id.find('~', module.size() + 1) == std::string::npos);
      const std::string wanted = fits                    ? id
                                 : node.module().empty() ? module
                                                         : fmt::format("{}~{}", module, Plain(id));
      const std::string call = calls.New(wanted, wanted.find('~') == std::string::npos ? "~" : "_");
      names_.insert_or_assign(node.id(), call);
      module_names_.emplace(node.id(), module);
      used_.insert(call);
      used_.insert(module);
    }
    for (const std::string& name : used_) get_names_.Take(name);
    for (const std::string& name : inputs_) get_names_.Take(name);
  }

  void Node(const v1::Node& node) {
    const auto module = module_names_.find(node.id());
    if (module == module_names_.end()) return;
    if (node.mode() == v1::NODE_MODE_BYPASSED || node.mode() == v1::NODE_MODE_MUTED)
      Lacks(node.id(), "a node that takes no part", v1::SEVERITY_ERROR);
    if (node.compile_mode() > v1::COMPILE_MODE_RUNTIME)
      Lacks(node.id(), "a compile mode; it is left out", v1::SEVERITY_WARNING);
    if (node.module().empty()) {
      const v1::Value* read = origin_.Find(node, "module");
      std::optional<Json> kept = read == nullptr ? std::nullopt : KeptModule(*read, node);
      if (kept) {
        modules_.emplace_back(module->second, *std::move(kept));
      } else {
        auto written = ModuleJson(node, sites_);
        if (written.ok()) {
          modules_.emplace_back(module->second, *std::move(written));
        } else {
          Lacks(node.id(), std::string(MessageOf(written.status())), v1::SEVERITY_ERROR);
        }
      }
    }
    Json arguments = Arguments(node);
    const std::string& call = names_.find(node.id())->second;
    Append(calls_, call, std::move(arguments));
    if (inputs_.contains(call)) shadowed_.insert(call);
  }

  Json Arguments(const v1::Node& node) {
    const bool named = std::any_of(node.inputs().begin(), node.inputs().end(),
                                   [](const auto& input) { return !input.port().empty(); });
    std::vector<std::string> ports;
    if (const auto type = FindModule(node.type())) ports = PortsOf(*type);
    const nodes::NodeDef* def = nodes::FindNode(node.type());
    const bool one_list = def != nullptr && def->inputs.size() == 1 && def->inputs[0].variadic;
    if (one_list) {  // [[a, b]], however the ports were connected
      Json list = Json::array();
      for (const v1::NodeInput& input : node.inputs()) {
        if (!input.value().has_list()) {
          list.push_back(Value(input.value(), node.id()));
          continue;
        }
        for (const v1::Argument& item : input.value().list().items())
          list.push_back(Value(item, node.id()));
      }
      return Json::array({std::move(list)});
    }
    Json out = named ? Json::object() : Json::array();
    size_t next = 0;
    for (const v1::NodeInput& input : node.inputs()) {
      if (input.value().literal().kind_case() == v1::Value::kNullValue && named) continue;
      Json value = Json(nullptr);
      if (input.value().has_list() && !named) {
        value = Json::array();
        for (const v1::Argument& item : input.value().list().items())
          value.push_back(Value(item, node.id()));
      } else {
        value = Value(input.value(), node.id());
      }
      if (!named) {
        out.push_back(std::move(value));
        continue;
      }
      std::string port = input.port();
      if (port.empty()) port = next < ports.size() ? ports[next] : fmt::format("{}", next);
      ++next;
      Append(out, port, std::move(value));
    }
    return out;
  }

  Json Value(const v1::Argument& argument, const std::string& node) {
    if (!argument.has_reference()) {
      Lacks(node, "an argument that is no other call or input", v1::SEVERITY_ERROR);
      return nullptr;
    }
    const v1::Reference& reference = argument.reference();
    const auto it = names_.find(reference.node());
    if (it == names_.end()) {
      Lacks(node, fmt::format("there is no {}", QuoteForMessage(reference.node())),
            v1::SEVERITY_ERROR);
      return nullptr;
    }
    if (inputs_.contains(reference.node()) && shadowed_.contains(it->second)) {
      Lacks(
          node,
          fmt::format("the input {} behind a call of its name", QuoteForMessage(reference.node())),
          v1::SEVERITY_ERROR);
    }
    return reference.port().empty() ? it->second : Port(reference, it->second, node);
  }

  // The outputs that a node has, as far as its parameters tell.
  std::vector<int> ActiveOutputs(const v1::Node& node, const nodes::NodeDef& def) const {
    const compiler::Instance* instance = sites_.At(node.id()).instance;
    if (instance != nullptr) return def.ActiveOutputs(instance->params);
    const auto owner = types_.find(node.module().empty() ? node.id() : node.module());
    const v1::Node& given = owner == types_.end() ? node : *owner->second;
    nodes::Params params;
    if (nodes::ResolveParams(def.params, nodes::ViewOf(given.params()), &params,
                             [](const nodes::ParamIssue&) {}))
      return def.ActiveOutputs(params);
    std::vector<int> all(def.outputs.size());
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

  // One output of several: a call of Get for each step into the result.
  std::string Port(const v1::Reference& reference, const std::string& call,
                   const std::string& node) {
    const std::string key = reference.node() + "\n" + reference.port();
    if (const auto it = gets_.find(key); it != gets_.end()) return it->second;
    if (types_.empty()) {
      for (const v1::Node& n : graph_.nodes()) types_.emplace(n.id(), &n);
    }
    const auto source = types_.find(reference.node());
    const nodes::NodeDef* def =
        source == types_.end() ? nullptr : nodes::FindNode(source->second->type());
    const int index = def == nullptr ? -1 : def->OutputIndex(reference.port());
    std::vector<int> active;
    if (index >= 0) active = ActiveOutputs(*source->second, *def);
    if (std::find(active.begin(), active.end(), index) == active.end() ||
        def->outputs[static_cast<size_t>(index)].many) {
      Lacks(node, fmt::format("the output {} of {}", reference.port(), reference.node()),
            v1::SEVERITY_ERROR);
      return call;
    }
    std::string name = call;
    for (const int step : def->outputs[static_cast<size_t>(index)].path) {
      if (active.size() == 1) break;  // the result is that output
      const std::string get = get_names_.New(fmt::format("{}_{}", Plain(call), reference.port()));
      used_.insert(get);
      modules_.emplace_back(get, Json{{"Get", {{"key", step}}}});
      Append(calls_, get, Json::array({name}));
      name = get;
    }
    gets_.emplace(key, name);
    return name;
  }

  // Modules as they stand in the file that was read, unused ones last.
  Json Ordered() {
    if (const v1::Value* order = origin_.Find("order")) {
      StringMap<int> places;
      for (const v1::Value& name : order->list_value().values())
        places.emplace(name.string_value(), static_cast<int>(places.size()));
      const auto place = [&](const std::string& name) {
        const auto it = places.find(name);
        return it == places.end() ? static_cast<int>(places.size()) : it->second;
      };
      std::stable_sort(modules_.begin(), modules_.end(), [&](const auto& a, const auto& b) {
        return place(a.first) < place(b.first);
      });
    }
    Json out = Json::object();
    for (auto& [name, module] : modules_) Append(out, name, module);
    const v1::Value* unused = origin_.Find("unused");
    if (unused == nullptr || !unused->has_map_value()) return out;
    const Json rest = RawJson(*unused);
    for (const auto& [name, module] : rest.items()) {
      if (!used_.contains(name)) Append(out, name, module);
    }
    return out;
  }

  Json Output() {
    const auto form = graph_.output_form();
    const int count = graph_.outputs_size();
    if (form == v1::OUTPUT_FORM_SINGLE || (form == v1::OUTPUT_FORM_UNSPECIFIED && count == 1))
      return count == 1 ? Value(graph_.outputs(0).value(), "") : Json(nullptr);
    const bool list = form == v1::OUTPUT_FORM_TUPLE;
    Json out = list ? Json::array() : Json::object();
    for (const v1::GraphOutput& output : graph_.outputs()) {
      Json value = Value(output.value(), "");
      if (list) {
        out.push_back(std::move(value));
      } else {
        Append(out, output.name(), std::move(value));
      }
    }
    return out;
  }

  const v1::Graph& graph_;
  const Origin origin_;
  const StringMap<std::string>* inside_;  // node -> the one that it was taken out of; may be null
  std::vector<v1::Diagnostic>* diagnostics_;
  Sites sites_;
  StringMap<std::string> names_;         // by id: the call, or the input
  StringMap<std::string> module_names_;  // by id of the call
  StringMap<const v1::Node*> types_;
  StringMap<std::string> gets_;  // by node and port
  FreeNames get_names_;          // of all calls, modules and inputs
  StringSet used_, inputs_, shadowed_, told_;
  std::vector<std::pair<std::string, Json>> modules_;
  Json calls_ = Json::object();
};

std::optional<std::string> Text(const std::optional<Json>& json) {
  if (!json) return std::nullopt;
  return graph::YamlText(*json, kRows);
}

// Weights that could not keep their names.
void OtherKeys(const ir::Module& before, const ir::Module& after,
               std::vector<v1::Diagnostic>* diagnostics) {
  StringSet keys;
  for (const ir::Parameter& parameter : after.parameters) keys.insert(parameter.key);
  for (const ir::Parameter& parameter : before.parameters) {
    if (keys.contains(parameter.key)) continue;
    v1::Diagnostic& diagnostic = diagnostics->emplace_back();
    diagnostic.set_severity(v1::SEVERITY_WARNING);
    diagnostic.set_code("UNSUPPORTED");
    diagnostic.set_message(fmt::format(
        "TorchArc cannot say this: the name {} of weights; others are called otherwise, too",
        QuoteForMessage(parameter.key)));
    return;
  }
}

}  // namespace

std::optional<std::string> WriteGraph(const v1::Graph& graph,
                                      const compiler::CompileResult* compiled,
                                      std::vector<v1::Diagnostic>* diagnostics) {
  if (compiled == nullptr) return Text(Exporter(graph, nullptr, nullptr, diagnostics).Run());
  auto unfolded = Unfold(graph, *compiled);
  if (!unfolded.ok()) {
    v1::Diagnostic& diagnostic = diagnostics->emplace_back();
    diagnostic.set_severity(v1::SEVERITY_ERROR);
    diagnostic.set_code("UNSUPPORTED");
    diagnostic.set_message(
        fmt::format("TorchArc has no composites, and these cannot be taken "
                    "apart: {}",
                    std::string(MessageOf(unfolded.status()))));
    return std::nullopt;
  }
  if (!*unfolded) return Text(Exporter(graph, compiled, nullptr, diagnostics).Run());
  const Unfolded& flat = **unfolded;
  auto text = Text(Exporter(flat.graph, &flat.compiled, &flat.from, diagnostics).Run());
  if (text) OtherKeys(*compiled->module, *flat.compiled.module, diagnostics);
  return text;
}

}  // namespace graphkiln::formats::torcharc
