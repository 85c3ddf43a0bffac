// The registries of what a job may name: optimizers, schedulers, losses, metrics and data sources.
//
// Descriptions only, one expression per entry; the trainer implements them and its tests visit
// every entry. Parameters are checked, defaulted and documented from the same table. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/nodes/param_spec.h"
#include "graphkiln/v1/job.pb.h"
#include "nlohmann/json.hpp"

namespace graphkiln::jobs {

/// An optimizer or a scheduler.
struct ComponentDef {
  std::string name;  // as in torch.optim, torch.optim.lr_scheduler
  std::string doc;
  std::vector<nodes::ParamSpec> params;
  std::string python;  // spelling in Python
  /// What no single parameter can tell: the offending parameter and why, or an empty name.
  struct Objection {
    std::string_view param;
    std::string_view message;
  };
  Objection (*check)(const nodes::Params& params) = nullptr;
  /// Of an optimizer: how many tensors of a parameter's size and type it keeps for the parameter.
  int64_t (*moments)(const nodes::Params& params) = nullptr;
};

/// What a loss asks of its target, and a metric of both.
enum class Task { kAny, kClassification, kRegression };
std::string_view TaskName(Task task);

struct MetricDef {
  std::string name;
  std::string doc;
  Task task;
  std::string_view better;  // "max" or "min"
};

struct SourceDef {
  std::string name;  // key below `data`
  std::string doc;
  bool available;  // the trainer of this version reads it
};

const std::vector<ComponentDef>& Optimizers();
const std::vector<ComponentDef>& Schedulers();
const std::vector<MetricDef>& Metrics();
const std::vector<SourceDef>& Sources();

const ComponentDef* FindOptimizer(std::string_view name);
const ComponentDef* FindScheduler(std::string_view name);
const MetricDef* FindMetric(std::string_view name);
const SourceDef* FindSource(std::string_view name);

/// Losses are node types of the category `loss`.
std::vector<std::string> LossNames();
/// Of a loss that exists: classification where its example's target holds class indices.
Task LossTask(std::string_view loss);

/// Legal names for the job key `optimizer`, `scheduler`, `loss` or `metrics`; empty for other keys.
std::vector<std::string> ComponentNames(std::string_view key);

/// The objection of an optimizer or scheduler to parameters that are each legal; empty without one.
ComponentDef::Objection CheckComponent(std::string_view key, std::string_view name,
                                       const nodes::Params& params);

/// ComponentDef::moments of an optimizer whose absent parameters have their defaults; nothing where
/// there is no such optimizer or a parameter is wrong.
std::optional<int64_t> OptimizerMoments(const v1::Component& optimizer);

/// All optimizers with their default parameters, and the moments of each.
std::vector<std::pair<std::string, int64_t>> OptimizerKinds();

/// The parameters of a component under one of those keys; null where there is no such component.
const std::vector<nodes::ParamSpec>* ComponentParams(std::string_view key, std::string_view name);

/// Reference entry of an optimizer, scheduler, metric or data source; null where there is none.
nlohmann::ordered_json DescribeComponent(std::string_view name);

}  // namespace graphkiln::jobs
