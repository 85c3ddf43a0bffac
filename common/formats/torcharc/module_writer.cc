#include "common/formats/torcharc/module_writer.h"

#include <utility>

#include "common/base/status.h"
#include "common/formats/torcharc/module_spec.h"
#include "common/graph/encode.h"
#include "fmt/format.h"

namespace graphkiln::formats::torcharc {
namespace {

// What a module is, without where it stands and what reads it.
std::string Meaning(const v1::Node& node) {
  v1::Node bare;
  bare.set_type(node.type());
  *bare.mutable_params() = node.params();
  *bare.mutable_children() = node.children();
  for (v1::CompositeNode& child : *bare.mutable_children()) child.mutable_node()->clear_id();
  return graph::Encode(bare);
}

Json Named(std::string_view key, Json value) {
  Json out = Json::object();
  Append(out, key, std::move(value));
  return out;
}

// One item of a dimension: a part of one item, without the dimension.
absl::StatusOr<Json> SelectJson(const v1::Node& node, const Site& site) {
  v1::Node one;
  one.set_type("Narrow");
  *one.mutable_params() = node.params();
  auto& params = *one.mutable_params();
  v1::Value dim;
  dim.set_int_value(0);
  if (const auto given = params.find("dim"); given != params.end()) dim = given->second;
  params["dim"] = dim;
  if (const auto index = params.find("index"); index != params.end()) {
    params["start"] = index->second;
    params.erase("index");
  } else {
    params["start"].set_int_value(0);
  }
  params["length"].set_int_value(1);
  v1::Node without;
  without.set_type("Squeeze");
  (*without.mutable_params())["dim"] = dim;
  ASSIGN_OR_RETURN(Json narrow, LayerJson(one, {nullptr, site.program}));
  ASSIGN_OR_RETURN(Json squeeze, LayerJson(without, {nullptr, site.program}));
  return Named("Sequential", Json::array({std::move(narrow), std::move(squeeze)}));
}

}  // namespace

Sites::Sites(const compiler::CompileResult* compiled) {
  if (compiled == nullptr) return;
  program_ = compiled->module.get();
  for (const compiler::Instance& instance : compiled->instances) {
    if (instance.parent < 0) {
      instances_.emplace(instance.id, &instance);
      continue;
    }
    const compiler::Instance& parent = compiled->instances[static_cast<size_t>(instance.parent)];
    if (parent.parent < 0) instances_.emplace(parent.id + "/" + instance.id, &instance);
  }
}

Site Sites::At(const std::string& key) const {
  const auto it = instances_.find(key);
  return {it == instances_.end() ? nullptr : it->second, program_};
}

bool IsPlainSequential(const v1::Node& node) {
  for (int i = 0; i < node.children_size(); ++i) {
    const v1::CompositeNode& child = node.children(i);
    const v1::Node& layer = child.node();
    const bool computed = !child.when().empty() || !child.repeat().empty();
    const bool placed = layer.id().empty() || layer.id() == fmt::format("{}", i);
    if (computed || !placed || layer.inputs_size() > 0 || layer.children_size() > 0 ||
        !layer.module().empty() || !layer.name().empty() || !HasClass(layer.type()))
      return false;
  }
  return true;
}

absl::StatusOr<Json> ModuleJson(const v1::Node& node, const Sites& sites) {
  if (node.type() == "Select") return SelectJson(node, sites.At(node.id()));
  if (node.type() != "Sequential") return LayerJson(node, sites.At(node.id()));
  if (!IsPlainSequential(node))
    return absl::UnimplementedError("a Sequential holds a plain list of layers there");
  Json layers = Json::array();
  for (int i = 0; i < node.children_size(); ++i) {
    ASSIGN_OR_RETURN(Json layer, LayerJson(node.children(i).node(),
                                           sites.At(fmt::format("{}/{}", node.id(), i))));
    layers.push_back(std::move(layer));
  }
  return Named("Sequential", std::move(layers));
}

std::optional<Json> PlainModule(const v1::Node& node) {
  auto json = ModuleJson(node, Sites(nullptr));
  if (!json.ok()) return std::nullopt;
  return *std::move(json);
}

std::optional<Json> KeptModule(const v1::Value& kept, const v1::Node& node) {
  std::vector<v1::Diagnostic> ignored;
  graph::Reader report("", nullptr, &ignored);
  const ModuleSpec spec = SpecReader(report).Read("", RawText(kept), /*used=*/false);
  if (!spec.ok || Meaning(spec.node) != Meaning(node)) return std::nullopt;
  return RawJson(kept);
}

}  // namespace graphkiln::formats::torcharc
