#include "common/graph/writer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "common/base/strings.h"
#include "common/graph/value_json.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "yaml-cpp/yaml.h"

namespace graphkiln::graph {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLongestPlainKey = 128;

// Adds a key that is not there yet. operator[] of an ordered object searches, which would be
// quadratic for 200,000 nodes.
void Append(Json& object, const std::string& key, Json value) {
  object.get_ref<Json::object_t&>().emplace_back(key, std::move(value));
}

// A map of arguments whose names are those of the notations `{ref: , port: }`, `{value: }` and
// `{map: }`.
bool LooksLikeNotation(const Json& map) {
  return (map.size() <= 2 && map.contains("ref")) ||
         (map.size() == 1 && (map.contains("value") || map.contains("map")));
}

// JSON has no such numbers. Texts never look so: their dollar signs are doubled.
std::string NonFiniteText(double value) {
  return std::isnan(value) ? "$?nan" : value > 0 ? "$+inf" : "$-inf";
}

void SpellNonFinite(Json& json) {
  if (json.is_number_float() && !std::isfinite(json.get<double>())) {
    json = NonFiniteText(json.get<double>());
  } else if (json.is_structured()) {
    for (Json& item : json) SpellNonFinite(item);  // values nest at most 64 levels
  }
}

template <class Map>
Json Sorted(const Map& map) {
  const std::map<std::string, v1::Value> ordered(map.begin(), map.end());
  Json out = Json::object();
  for (const auto& [name, value] : ordered) Append(out, name, ToJson(value));
  return out;
}

// What this version does not know. A key that has a meaning today keeps it.
void AppendExtra(Json& out, const v1::MapValue& extra) {
  StringSet known;
  for (const auto& [key, value] : out.items()) known.insert(key);
  const std::map<std::string, v1::Value> ordered(extra.fields().begin(), extra.fields().end());
  for (const auto& [key, value] : ordered) {
    if (!known.contains(key)) Append(out, key, ToJson(value));
  }
}

// A reference as text, where the reader takes it for nothing else. `ids` are the names that it
// looks up; null where they are not known: then every node is there, and none has a dot in its
// name.
Json ReferenceJson(const v1::Reference& reference, const StringSet* ids) {
  const std::string& node = reference.node();
  const std::string& port = reference.port();
  const auto known = [&](const std::string& id) { return ids == nullptr || ids->contains(id); };
  const size_t dot = node.rfind('.');
  if (port.empty()) {
    const bool plain = dot == std::string::npos || (ids != nullptr && ids->contains(node)) ||
                       !known(node.substr(0, dot));
    return plain ? Json(node) : Json{{"ref", node}};
  }
  const std::string text = node + "." + port;
  if (dot == std::string::npos && port.find('.') == std::string::npos && known(node) &&
      (ids == nullptr || !ids->contains(text))) {
    return text;
  }
  return Json{{"ref", node}, {"port", port}};
}

Json ArgumentJson(const v1::Argument& argument, const StringSet* ids) {
  switch (argument.kind_case()) {
    case v1::Argument::kReference:
      return ReferenceJson(argument.reference(), ids);
    case v1::Argument::kList: {
      Json out = Json::array();
      for (const v1::Argument& item : argument.list().items())
        out.push_back(ArgumentJson(item, ids));
      return out;
    }
    case v1::Argument::kMap: {
      Json out = Json::object();
      for (const v1::ArgumentEntry& entry : argument.map().entries())
        Append(out, entry.name(), ArgumentJson(entry.value(), ids));
      if (!LooksLikeNotation(out)) return out;
      Json wrapped = Json::object();
      wrapped["map"] = std::move(out);
      return wrapped;
    }
    case v1::Argument::kLiteral: {
      const v1::Value& literal = argument.literal();
      const auto kind = literal.kind_case();
      if (kind == v1::Value::kBoolValue || kind == v1::Value::kIntValue ||
          kind == v1::Value::kDoubleValue || kind == v1::Value::kNullValue) {
        return ToJson(literal);
      }
      return Json{{"value", ToJson(literal)}};
    }
    default:
      return nullptr;
  }
}

Json NodeJson(const v1::Node& node, const StringSet* ids);

Json CompositeNodeJson(const v1::CompositeNode& node, const StringSet* ids) {
  Json out = NodeJson(node.node(), ids);
  if (!node.when().empty()) out["when"] = node.when();
  if (!node.repeat().empty()) out["repeat"] = node.repeat();
  if (node.has_otherwise()) out["otherwise"] = ArgumentJson(node.otherwise(), ids);
  return out;
}

// What a container holds: a list where no child has a key, else a map; a position stands for an
// empty key. Containers nest at most 64 levels.
Json ChildrenJson(const v1::Node& node) {
  const bool list = std::all_of(node.children().begin(), node.children().end(),
                                [](const auto& child) { return child.node().id().empty(); });
  Json out = list ? Json::array() : Json::object();
  for (int i = 0; i < node.children_size(); ++i) {
    Json child = CompositeNodeJson(node.children(i), nullptr);
    const std::string& id = node.children(i).node().id();
    if (list) {
      out.push_back(std::move(child));
    } else {
      Append(out, id.empty() ? fmt::format("{}", i) : id, std::move(child));
    }
  }
  return out;
}

Json NodeJson(const v1::Node& node, const StringSet* ids) {
  Json out = Json::object();
  out["type"] = node.type();
  if (node.inputs_size() > 0) {
    const bool named = std::any_of(node.inputs().begin(), node.inputs().end(),
                                   [](const auto& i) { return !i.port().empty(); });
    const bool plain = std::none_of(node.inputs().begin(), node.inputs().end(),
                                    [](const auto& i) { return !i.port().empty(); });
    if (plain && node.inputs_size() == 1 && node.inputs(0).value().has_reference()) {
      out["in"] = ArgumentJson(node.inputs(0).value(), ids);
    } else if (plain) {
      out["in"] = Json::array();
      for (const v1::NodeInput& input : node.inputs())
        out["in"].push_back(ArgumentJson(input.value(), ids));
    } else if (named) {
      out["in"] = Json::object();
      for (const v1::NodeInput& input : node.inputs())
        Append(out["in"], input.port(), ArgumentJson(input.value(), ids));
    }
  }
  if (node.params_size() > 0) out["params"] = Sorted(node.params());
  if (!node.module().empty()) out["module"] = node.module();
  if (!node.name().empty()) out["name"] = node.name();
  if (node.mode() == v1::NODE_MODE_BYPASSED) out["mode"] = "bypassed";
  if (node.mode() == v1::NODE_MODE_MUTED) out["mode"] = "muted";
  if (node.compile_mode() == v1::COMPILE_MODE_FREEZE) out["compile"] = "freeze";
  if (node.compile_mode() == v1::COMPILE_MODE_CONSTANT) out["compile"] = "constant";
  if (node.compile_mode() == v1::COMPILE_MODE_EXPORT) out["compile"] = "export";
  if (!node.doc().empty()) out["doc"] = node.doc();
  if (node.children_size() > 0) out["children"] = ChildrenJson(node);
  AppendExtra(out, node.extra());
  return out;
}

Json CompositeJson(const v1::Composite& composite) {
  Json out = Json::object();
  if (!composite.doc().empty()) out["doc"] = composite.doc();
  if (!composite.init().empty()) out["init"] = composite.init();
  if (composite.since_version() != 0) out["since"] = composite.since_version();
  Json params = Json::object();
  for (const v1::CompositeParam& param : composite.params()) {
    Json p = Json::object();
    p["type"] = param.type();
    if (param.has_default_value()) p["default"] = ToJson(param.default_value());
    if (param.has_minimum()) p["min"] = param.minimum();
    if (param.has_maximum()) p["max"] = param.maximum();
    for (const std::string& choice : param.choices()) p["choices"].push_back(choice);
    if (!param.doc().empty()) p["doc"] = param.doc();
    Append(params, param.name(), std::move(p));
  }
  if (!params.empty()) out["params"] = std::move(params);
  Json inputs = Json::object();
  for (const v1::CompositePort& port : composite.inputs()) {
    Json p = Json::object();
    for (const int rank : port.ranks()) p["ranks"].push_back(rank);
    if (port.optional()) p["optional"] = true;
    if (!port.doc().empty()) p["doc"] = port.doc();
    Append(inputs, port.name(), std::move(p));
  }
  if (!inputs.empty()) out["inputs"] = std::move(inputs);
  Json let = Json::object();
  for (const v1::CompositeBinding& binding : composite.let())
    Append(let, binding.name(), binding.expression());
  if (!let.empty()) out["let"] = std::move(let);
  for (const v1::CompositeRequirement& constraint : composite.constraints()) {
    Json c = Json::object();
    c["that"] = constraint.expression();
    if (!constraint.message().empty()) c["message"] = constraint.message();
    if (!constraint.param().empty()) c["param"] = constraint.param();
    if (!constraint.port().empty()) c["port"] = constraint.port();
    if (!constraint.rule().empty()) c["rule"] = constraint.rule();
    out["constraints"].push_back(std::move(c));
  }
  StringSet ids;
  for (const v1::CompositePort& port : composite.inputs()) ids.insert(port.name());
  for (const v1::CompositeNode& node : composite.nodes()) ids.insert(node.node().id());
  Json nodes = Json::object();
  for (const v1::CompositeNode& node : composite.nodes())
    Append(nodes, node.node().id(), CompositeNodeJson(node, &ids));
  if (!nodes.empty()) out["nodes"] = std::move(nodes);
  Json outputs = Json::object();
  for (const v1::GraphOutput& output : composite.outputs())
    Append(outputs, output.name(), ArgumentJson(output.value(), &ids));
  if (!outputs.empty()) out["outputs"] = std::move(outputs);
  return out;
}

// Plain style only where no reader could take the text for anything but text.
bool IsPlain(const std::string& text) {
  if (text.empty() || text.size() > 200 ||
      !(std::isalpha(static_cast<unsigned char>(text[0])) || text[0] == '$'))
    return false;
  for (const char c : text) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '.' && c != '$' &&
        c != '/')
      return false;
  }
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  for (const char* word :
       {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}) {
    if (lower == word) return false;
  }
  return true;
}

void EmitText(YAML::Emitter& out, const std::string& text) {
  if (IsPlain(text)) {
    out << text;
  } else {
    out << YAML::DoubleQuoted << text;
  }
}

// Values nest at most 64 levels, as the readers make sure.
void Emit(YAML::Emitter& out, const Json& json, int depth, int rows) {
  if (json.is_object()) {
    // The upper levels stand one entry a line; deeper ones are short and stand in a row.
    out << (depth >= rows ? YAML::Flow : YAML::Block) << YAML::BeginMap;
    for (const auto& [key, value] : json.items()) {
      // YAML finds a key without `? ` only within 1,024 characters, escapes counted.
      if (key.size() > kLongestPlainKey) out << YAML::LongKey;
      out << YAML::Key;
      EmitText(out, key);
      out << YAML::Value;
      Emit(out, value, depth + 1, rows);
    }
    out << YAML::EndMap;
  } else if (json.is_array()) {
    const bool block = depth < rows && !json.empty() && json[0].is_object();
    out << (block ? YAML::Block : YAML::Flow) << YAML::BeginSeq;
    for (const Json& item : json) Emit(out, item, depth + 1, rows);
    out << YAML::EndSeq;
  } else if (json.is_string()) {
    EmitText(out, json.get<std::string>());
  } else if (json.is_boolean()) {
    out << json.get<bool>();
  } else if (json.is_number_integer()) {
    out << json.get<int64_t>();
  } else if (json.is_number_float()) {
    const double v = json.get<double>();
    std::string text = std::isnan(v)   ? ".nan"
                       : std::isinf(v) ? (v > 0 ? ".inf" : "-.inf")
                                       : fmt::format("{}", v);
    // A number for readers of YAML 1.1, too: with a point, also in front of an exponent.
    if (std::isfinite(v) && text.find('.') == std::string::npos)
      text.insert(std::min(text.find('e'), text.size()), ".0");
    out << text;
  } else {
    out << YAML::Null;
  }
}

}  // namespace

nlohmann::ordered_json ToJson(const v1::Value& value) {
  return ValueJson(value, TextForm::kGraphFile);
}

nlohmann::ordered_json ToJson(const v1::Argument& argument) {
  return ArgumentJson(argument, nullptr);
}

nlohmann::ordered_json ToJson(const v1::Graph& graph) {
  Json out = Json::object();
  out["graphkiln"] = 1;
  if (!graph.name().empty()) out["name"] = graph.name();
  if (!graph.doc().empty()) out["doc"] = graph.doc();
  if (graph.labels_size() > 0) {
    const std::map<std::string, std::string> labels(graph.labels().begin(), graph.labels().end());
    Json object = Json::object();
    for (const auto& [key, value] : labels) Append(object, key, value);
    out["labels"] = std::move(object);
  }
  if (graph.variables_size() > 0) out["variables"] = Sorted(graph.variables());
  StringSet ids;
  for (const v1::GraphInput& input : graph.inputs()) ids.insert(input.name());
  for (const v1::Node& node : graph.nodes()) ids.insert(node.id());
  Json composites = Json::object();
  for (const v1::Composite& composite : graph.composites())
    Append(composites, composite.name(), CompositeJson(composite));
  if (!composites.empty()) out["composites"] = std::move(composites);
  Json inputs = Json::object();
  for (const v1::GraphInput& input : graph.inputs()) {
    Json in = Json::object();
    in["dtype"] =
        DTypeText(input.spec().dtype() == v1::DATA_TYPE_UNSPECIFIED ? v1::DATA_TYPE_FLOAT32
                                                                    : input.spec().dtype());
    in["shape"] = Json::array();
    for (const v1::Dim& dim : input.spec().shape()) {
      if (dim.kind_case() == v1::Dim::kSymbol) {
        in["shape"].push_back(dim.symbol());
      } else {
        in["shape"].push_back(dim.size());
      }
    }
    if (input.has_shape_known() && !input.shape_known()) in["shape"] = nullptr;
    if (!input.doc().empty()) in["doc"] = input.doc();
    Append(inputs, input.name(), std::move(in));
  }
  if (!inputs.empty()) out["inputs"] = std::move(inputs);
  if (graph.nodes_size() > 0) {
    Json nodes = Json::object();
    for (const v1::Node& node : graph.nodes()) Append(nodes, node.id(), NodeJson(node, &ids));
    out["nodes"] = std::move(nodes);
  }
  if (graph.outputs_size() > 0) {
    Json outputs = Json::object();
    for (const v1::GraphOutput& output : graph.outputs())
      Append(outputs, output.name(), ArgumentJson(output.value(), &ids));
    out["outputs"] = std::move(outputs);
  }
  if (graph.output_form() == v1::OUTPUT_FORM_SINGLE) out["output_form"] = "single";
  if (graph.output_form() == v1::OUTPUT_FORM_TUPLE) out["output_form"] = "tuple";
  if (graph.output_form() == v1::OUTPUT_FORM_DICT) out["output_form"] = "dict";
  if (graph.view().nodes_size() > 0) {
    const std::map<std::string, v1::NodeView> nodes(graph.view().nodes().begin(),
                                                    graph.view().nodes().end());
    Json places = Json::object();
    for (const auto& [id, view] : nodes) {
      Json place = {{"x", view.x()}, {"y", view.y()}};
      if (view.collapsed()) place["collapsed"] = true;
      Append(places, id, std::move(place));
    }
    out["view"] = std::move(places);
  }
  AppendExtra(out, graph.extra());
  return out;
}

std::string DumpJson(nlohmann::ordered_json json, int indent) {
  SpellNonFinite(json);
  // Not every byte of a hostile id is UTF-8; such bytes are replaced rather than thrown at the
  // caller.
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string WriteJson(const v1::Graph& graph) { return DumpJson(ToJson(graph), 2) + "\n"; }

std::string YamlText(const nlohmann::ordered_json& json, int rows) {
  YAML::Emitter out;
  Emit(out, json, 0, rows);
  return std::string(out.c_str(), out.size()) + "\n";
}

std::string WriteYaml(const v1::Graph& graph) { return YamlText(ToJson(graph), 2); }

}  // namespace graphkiln::graph
