#include "common/compiler/plan.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/graph/references.h"
#include "common/ir/fold.h"
#include "common/ir/verify.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

std::string_view ModeText(v1::CompileMode mode) {
  switch (mode) {
    case v1::COMPILE_MODE_FREEZE:
      return "freeze";
    case v1::COMPILE_MODE_CONSTANT:
      return "constant";
    case v1::COMPILE_MODE_EXPORT:
      return "export";
    default:
      return "runtime";
  }
}

bool HasMode(v1::CompileMode mode) {
  return mode != v1::COMPILE_MODE_UNSPECIFIED && mode != v1::COMPILE_MODE_RUNTIME;
}

// Of the modes of nodes that share weights the strongest says what becomes of them in the program:
// they do not learn, are written out as well, or are buffers.
int Strength(v1::CompileMode mode) {
  switch (mode) {
    case v1::COMPILE_MODE_FREEZE:
      return 1;
    case v1::COMPILE_MODE_EXPORT:
      return 2;
    case v1::COMPILE_MODE_CONSTANT:
      return 3;
    default:
      return 0;
  }
}

class Planner {
 public:
  Planner(const v1::Graph& graph, const CompileResult& compiled)
      : graph_(graph), compiled_(compiled) {}

  absl::StatusOr<Plan> Run() {
    for (const v1::Node& node : graph_.nodes()) nodes_.emplace(node.id(), nodes_.size());
    FindModes();
    RETURN_IF_ERROR(Rewrite());
    FindDead();
    Lists();
    FindShared();
    Connections();
    return std::move(plan_);
  }

 private:
  // Every instance's mode and the region that it belongs to, outer ones first.
  void FindModes() {
    const std::vector<Instance>& instances = compiled_.instances;
    modes_.resize(instances.size());
    regions_.assign(instances.size(), -1);
    roots_.resize(instances.size());
    std::vector<std::string_view> keys;
    for (const ir::Parameter& parameter : compiled_.module->parameters) {
      if (parameter.persistent) keys.push_back(parameter.key);
    }
    std::sort(keys.begin(), keys.end());
    for (size_t i = 0; i < instances.size(); ++i) {
      const Instance& instance = instances[i];
      const size_t outer = static_cast<size_t>(std::max(instance.parent, 0));
      const bool inside = instance.parent >= 0;
      roots_[i] = inside ? roots_[outer] : i;
      modes_[i] = instance.compile_mode;
      if (inside) regions_[i] = regions_[outer];
      if (!HasMode(modes_[i])) {
        if (inside) modes_[i] = modes_[outer];
        continue;
      }
      if (inside && modes_[outer] == modes_[i]) continue;  // nothing new
      regions_[i] = static_cast<int>(plan_.regions.size());
      PlannedRegion& region = plan_.regions.emplace_back();
      region.name = inside ? instance.path : instance.id;
      region.type = instance.type;
      region.mode = modes_[i];
      // The key of a Parameter is its path itself.
      if (std::binary_search(keys.begin(), keys.end(), std::string_view(instance.weights_path)))
        region.keys.push_back(instance.weights_path);
      const std::string prefix = instance.weights_path + ".";
      for (auto key = std::lower_bound(keys.begin(), keys.end(), std::string_view(prefix));
           key != keys.end() && key->starts_with(prefix); ++key) {
        region.keys.emplace_back(*key);
      }
      region.instance = static_cast<int>(i);
      const auto node = nodes_.find(instance.id);
      if (!inside && node != nodes_.end()) region.node = static_cast<int>(node->second);
    }
  }

  absl::Status Rewrite() {
    const ir::Module& module = *compiled_.module;
    StringMap<size_t> instance_of;  // by path
    for (size_t i = 0; i < compiled_.instances.size(); ++i)
      instance_of.emplace(compiled_.instances[i].path, i);
    std::vector<int> by_source(module.sources.size(), -1);
    for (size_t s = 0; s < module.sources.size(); ++s) {
      const auto found = instance_of.find(module.sources[s].path);
      if (found != instance_of.end()) by_source[s] = static_cast<int>(found->second);
    }
    std::vector<bool> allowed(module.calls.size(), false);
    for (size_t c = 0; c < module.calls.size(); ++c) {
      const int source = module.calls[c].source;
      const int instance = source < 0 ? -1 : by_source[static_cast<size_t>(source)];
      allowed[c] =
          instance >= 0 && modes_[static_cast<size_t>(instance)] == v1::COMPILE_MODE_CONSTANT;
    }
    ir::Module pruned = module;
    // Weights of constant regions are buffers of the same keys.
    StringSet constant;
    for (const PlannedRegion& region :
         plan_.regions) {  // inner ones come later, with modes of theirs
      for (const std::string& key : region.keys) {
        if (region.mode == v1::COMPILE_MODE_CONSTANT) {
          constant.insert(key);
        } else {
          constant.erase(key);
        }
      }
    }
    for (ir::Parameter& parameter : pruned.parameters) {
      if (constant.contains(parameter.key)) parameter.buffer = true;
    }
    ir::Folded folded = ir::Fold(std::move(pruned), allowed);
    folds_.assign(plan_.regions.size(), false);
    for (size_t c = 0; c < module.calls.size(); ++c) {
      if (!folded.calls[c]) continue;
      const size_t instance =
          static_cast<size_t>(by_source[static_cast<size_t>(module.calls[c].source)]);
      folds_[static_cast<size_t>(regions_[instance])] = true;
    }
    for (const ir::Module* part : {&folded.rest, &folded.values}) {
      const absl::Status verified = ir::Verify(*part);
      if (verified.ok()) continue;
      GRAPHKILN_BUG("compile.plan", MessageOf(verified));
      return verified;
    }
    plan_.program = std::move(folded.rest);
    plan_.folded = std::move(folded.values);
    plan_.folded_keys = std::move(folded.keys);
    return absl::OkStatus();
  }

  // Nodes that no output refers to, directly or through others.
  void FindDead() {
    live_.assign(nodes_.size(), false);
    std::vector<size_t> open;
    const auto visit = [&](const v1::Reference& reference) {
      const auto node = nodes_.find(reference.node());
      if (node == nodes_.end() || live_[node->second]) return;
      live_[node->second] = true;
      open.push_back(node->second);
    };
    for (const v1::GraphOutput& output : graph_.outputs())
      graph::VisitReferences(output.value(), visit);
    while (!open.empty()) {
      const v1::Node& node = graph_.nodes(static_cast<int>(open.back()));
      open.pop_back();
      for (const v1::NodeInput& input : node.inputs()) graph::VisitReferences(input.value(), visit);
    }
  }

  void Lists() {
    for (size_t r = 0; r < plan_.regions.size(); ++r) {
      const PlannedRegion& region = plan_.regions[r];
      (region.mode == v1::COMPILE_MODE_FREEZE     ? plan_.frozen
       : region.mode == v1::COMPILE_MODE_CONSTANT ? plan_.constant
                                                  : plan_.exported)
          .push_back(region.name);
      if (region.keys.empty() && !folds_[r]) NoEffect(region);
    }
    for (const v1::Node& node : graph_.nodes()) {
      const v1::CompileMode mode = node.compile_mode();
      const bool stays = mode != v1::COMPILE_MODE_CONSTANT && mode != v1::COMPILE_MODE_EXPORT;
      const bool live = live_[nodes_.at(node.id())];
      if (!live) plan_.dead.push_back(node.id());
      if (live && !HasMode(mode)) plan_.runtime.push_back(node.id());
      if (live && stays) {
        plan_.active.push_back(node.id());
      } else {
        ++plan_.eliminated;
      }
    }
    for (auto* names : {&plan_.frozen, &plan_.constant, &plan_.exported, &plan_.runtime,
                        &plan_.dead, &plan_.active}) {
      std::sort(names->begin(), names->end());
    }
  }

  // At the user's own node; the path tells where in it.
  v1::Diagnostic& Finding(size_t instance, v1::Severity severity, std::string_view code) {
    v1::Diagnostic& diagnostic = plan_.diagnostics.emplace_back();
    const Instance& root = compiled_.instances[roots_[instance]];
    diagnostic.set_severity(severity);
    diagnostic.set_code(std::string(code));
    diagnostic.set_node(root.id);
    if (roots_[instance] != instance)
      diagnostic.set_path(compiled_.instances[instance].path.substr(root.path.size()));
    return diagnostic;
  }

  std::string NameOf(size_t instance) const {
    const Instance& named = compiled_.instances[instance];
    return QuoteForMessage(named.parent >= 0 ? named.path : named.id);
  }

  void NoEffect(const PlannedRegion& region) {
    v1::Diagnostic& diagnostic =
        Finding(static_cast<size_t>(region.instance), v1::SEVERITY_WARNING, "MODE_WITHOUT_EFFECT");
    diagnostic.set_param("compile");
    diagnostic.set_message(
        fmt::format("{} {}: it has no weights, so the compile mode {} changes nothing", region.type,
                    QuoteForMessage(region.name), ModeText(region.mode)));
    diagnostic.set_found(std::string(ModeText(region.mode)));
  }

  // One set of weights has one mode; where nodes that share it differ, both are named.
  void FindShared() {
    StringMap<size_t> first;  // by the prefix of the keys
    for (size_t i = 0; i < compiled_.instances.size(); ++i) {
      const Instance& instance = compiled_.instances[i];
      if (instance.def == nullptr) continue;
      const auto [known, fresh] = first.try_emplace(instance.weights_path, i);
      if (fresh || Strength(modes_[known->second]) == Strength(modes_[i])) continue;
      const bool later = Strength(modes_[i]) > Strength(modes_[known->second]);
      const size_t holds = later ? i : known->second;
      const size_t other = later ? known->second : i;
      Finding(other, v1::SEVERITY_HINT, "SHARED_MODULE")
          .set_message(fmt::format(
              "{} and {} share weights: the compile mode {} of the first holds for both",
              NameOf(holds), NameOf(other), ModeText(modes_[holds])));
    }
  }

  void Connections() {
    const StringSet active(plan_.active.begin(), plan_.active.end());
    for (const v1::Node& node : graph_.nodes()) {
      if (!active.contains(node.id())) continue;
      StringSet seen;
      for (const v1::NodeInput& input : node.inputs()) {
        graph::VisitReferences(input.value(), [&](const v1::Reference& reference) {
          if (active.contains(reference.node()) && seen.insert(reference.node()).second)
            plan_.connections.emplace_back(reference.node(), node.id());
        });
      }
    }
  }

  const v1::Graph& graph_;
  const CompileResult& compiled_;
  Plan plan_;
  std::vector<v1::CompileMode> modes_;  // by instance
  std::vector<int> regions_;            // by instance; -1: none
  std::vector<size_t> roots_;           // by instance: that of the graph's own node around it
  std::vector<bool> folds_;             // by region: a call of it was folded
  StringMap<size_t> nodes_;             // of the graph, by id
  std::vector<bool> live_;              // by node
};

}  // namespace

absl::StatusOr<Plan> MakePlan(const v1::Graph& graph, const CompileResult& compiled) {
  if (!compiled.ok || compiled.module == nullptr)
    return absl::FailedPreconditionError("the graph has errors");
  return Planner(graph, compiled).Run();
}

}  // namespace graphkiln::compiler
