#include "common/formats/torcharc/unfold.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "common/base/status.h"
#include "common/compiler/node_names.h"
#include "common/compiler/regroup.h"
#include "common/formats/torcharc/module_writer.h"
#include "common/formats/torcharc/types.h"
#include "fmt/format.h"

namespace graphkiln::formats::torcharc {
namespace {

// Levels of composites within composites.
constexpr int kMostRounds = 64;

// Nodes that hold others and have no class.
std::vector<std::string> Closed(const v1::Graph& graph, const compiler::CompileResult& compiled) {
  StringMap<const compiler::Instance*> instances;
  for (const compiler::Instance& instance : compiled.instances) {
    if (instance.parent < 0) instances.emplace(instance.id, &instance);
  }
  std::vector<std::string> out;
  for (const v1::Node& node : graph.nodes()) {
    const auto it = instances.find(node.id());
    if (it == instances.end() || it->second->composite == nullptr || it->second->bypassed ||
        !node.module().empty())
      continue;
    const bool said =
        node.type() == "Sequential" ? IsPlainSequential(node) : FindModule(node.type()).has_value();
    if (!said) out.push_back(node.id());
  }
  return out;
}

// Modules that were inside of another get the names that they had there.
void KeepKeys(const compiler::Regrouped& regrouped, v1::Graph* graph) {
  std::vector<const v1::Node*> nodes;
  for (const v1::Node& node : graph->nodes()) nodes.push_back(&node);
  const std::vector<std::string> identifiers = compiler::NodeIdentifiers(nodes);
  StringMap<int> index;
  for (int i = 0; i < graph->nodes_size(); ++i) {
    if (graph->nodes(i).module().empty()) index.emplace(identifiers[static_cast<size_t>(i)], i);
  }
  for (const auto& [before, after] : regrouped.keys) {
    for (size_t dot = after.find('.'); dot != std::string::npos; dot = after.find('.', dot + 1)) {
      const auto it = index.find(after.substr(0, dot));
      const std::string_view rest = std::string_view(after).substr(dot);
      if (it == index.end() || !before.ends_with(rest)) continue;
      graph->mutable_nodes(it->second)->set_name(before.substr(0, before.size() - rest.size()));
    }
  }
}

// Nodes that were inside of another have its id in front of theirs.
void KeepOrigins(const v1::Graph& before, const v1::Graph& after, StringMap<std::string>* from) {
  StringSet here;
  for (const v1::Node& node : after.nodes()) here.insert(node.id());
  StringMap<std::string> gone;  // as it stands in front -> where it was in itself
  for (const v1::Node& node : before.nodes()) {
    if (here.erase(node.id()) > 0) continue;
    std::string front = node.id() + "_";
    std::replace(front.begin(), front.end(), '.', '_');
    const auto it = from->find(node.id());
    gone.emplace(std::move(front), it == from->end() ? node.id() : it->second);
  }
  for (const std::string& id : here) {
    for (size_t end = id.rfind('_'); end != std::string::npos && end > 0;
         end = id.rfind('_', end - 1)) {
      const auto it = gone.find(std::string_view(id).substr(0, end + 1));
      if (it == gone.end()) continue;
      from->emplace(id, it->second);
      break;
    }
  }
}

}  // namespace

absl::StatusOr<std::optional<Unfolded>> Unfold(const v1::Graph& graph,
                                               const compiler::CompileResult& compiled) {
  std::vector<std::string> closed = Closed(graph, compiled);
  if (closed.empty()) return std::nullopt;
  Unfolded out;
  out.graph = graph;
  for (int round = 0; !closed.empty(); ++round) {
    if (round == kMostRounds) {
      return absl::ResourceExhaustedError(
          fmt::format("composites stand in each other more than {} levels deep", kMostRounds));
    }
    ASSIGN_OR_RETURN(compiler::Regrouped opened, compiler::Unpack(out.graph, closed));
    KeepKeys(opened, &opened.graph);
    KeepOrigins(out.graph, opened.graph, &out.from);
    out.graph = std::move(opened.graph);
    out.compiled = compiler::Compile(out.graph);
    if (!out.compiled.ok) return absl::InternalError("what was taken apart has errors");
    closed = Closed(out.graph, out.compiled);
  }
  return out;
}

}  // namespace graphkiln::formats::torcharc
