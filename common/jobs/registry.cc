#include "common/jobs/registry.h"

#include "common/nodes/given_params.h"
#include "common/nodes/registry.h"

namespace graphkiln::jobs {
namespace {

template <class Table>
auto* FindByName(const Table& table, std::string_view name) {
  for (const auto& entry : table) {
    if (entry.name == name) return &entry;
  }
  return static_cast<decltype(table.data())>(nullptr);
}

template <class Table>
std::vector<std::string> Names(const Table& table) {
  std::vector<std::string> names;
  for (const auto& entry : table) names.push_back(entry.name);
  return names;
}

nlohmann::ordered_json DescribeParams(const std::vector<nodes::ParamSpec>& specs) {
  auto params = nlohmann::ordered_json::array();
  for (const nodes::ParamSpec& spec : specs) {
    nlohmann::ordered_json entry;
    entry["name"] = spec.name;
    entry["type"] = nodes::TypeText(spec);
    if (spec.required) entry["required"] = true;
    if (spec.default_value) entry["default"] = nodes::ToPython(*spec.default_value);
    if (spec.minimum) entry["minimum"] = *spec.minimum;
    if (spec.maximum) entry["maximum"] = *spec.maximum;
    if (!spec.choices.empty()) entry["choices"] = spec.choices;
    entry["doc"] = spec.doc;
    params.push_back(std::move(entry));
  }
  return params;
}

nlohmann::ordered_json DescribeEntry(std::string_view kind, const ComponentDef& def) {
  nlohmann::ordered_json entry;
  entry["name"] = def.name;
  entry["category"] = std::string(kind);
  entry["doc"] = def.doc;
  entry["python"] = def.python;
  entry["params"] = DescribeParams(def.params);
  return entry;
}

}  // namespace

std::string_view TaskName(Task task) {
  switch (task) {
    case Task::kClassification:
      return "classification";
    case Task::kRegression:
      return "regression";
    case Task::kAny:
      break;
  }
  return "any";
}

const std::vector<MetricDef>& Metrics() {
  static const auto& table = *new std::vector<MetricDef>{
      {"accuracy", "Share of rows whose largest output is at the target's class.",
       Task::kClassification, "max"},
      {"mse", "Mean squared error.", Task::kRegression, "min"},
      {"mae", "Mean absolute error.", Task::kRegression, "min"},
      {"r2", "Coefficient of determination: 1 minus the residual over the total sum of squares.",
       Task::kRegression, "max"},
  };
  return table;
}

const std::vector<SourceDef>& Sources() {
  static const auto& table = *new std::vector<SourceDef>{
      {"csv", "A CSV file with a header line; one row is one sample.", true},
      {"synthetic", "Rows made up from the seed by the shapes of the inputs.", true},
      {"dataset", "An uploaded data set by name.", true},
      {"npy", "An NPY file.", false},
      {"npz", "An NPZ archive.", false},
      {"safetensors", "A safetensors file.", false},
      {"idx", "An IDX file (MNIST's form).", false},
      {"images", "A folder of images, one folder per class.", false},
  };
  return table;
}

const ComponentDef* FindOptimizer(std::string_view name) { return FindByName(Optimizers(), name); }
const ComponentDef* FindScheduler(std::string_view name) { return FindByName(Schedulers(), name); }
const MetricDef* FindMetric(std::string_view name) { return FindByName(Metrics(), name); }
const SourceDef* FindSource(std::string_view name) { return FindByName(Sources(), name); }

std::optional<int64_t> OptimizerMoments(const v1::Component& optimizer) {
  const ComponentDef* def = FindOptimizer(optimizer.type());
  if (def == nullptr || def->moments == nullptr) return std::nullopt;
  nodes::Params params;
  if (!nodes::ResolveParams(def->params, nodes::ViewOf(optimizer.params()), &params,
                            [](const nodes::ParamIssue&) {}))
    return std::nullopt;
  return def->moments(params);
}

std::vector<std::pair<std::string, int64_t>> OptimizerKinds() {
  std::vector<std::pair<std::string, int64_t>> kinds;
  for (const ComponentDef& def : Optimizers()) {
    v1::Component plain;
    plain.set_type(def.name);
    kinds.emplace_back(def.name, OptimizerMoments(plain).value_or(0));
  }
  return kinds;
}

std::vector<std::string> LossNames() {
  std::vector<std::string> names;
  for (const nodes::NodeDef* node : nodes::NodesOf("loss")) names.emplace_back(node->name);
  return names;
}

Task LossTask(std::string_view loss) {
  const nodes::NodeDef* node = nodes::FindNode(loss);
  if (node == nullptr || node->target == nodes::LossTarget::kNone) return Task::kAny;
  return node->target == nodes::LossTarget::kClass ? Task::kClassification : Task::kRegression;
}

std::vector<std::string> ComponentNames(std::string_view key) {
  if (key == "optimizer") return Names(Optimizers());
  if (key == "scheduler") return Names(Schedulers());
  if (key == "metrics") return Names(Metrics());
  if (key == "loss") return LossNames();
  return {};
}

const std::vector<nodes::ParamSpec>* ComponentParams(std::string_view key, std::string_view name) {
  const ComponentDef* def = key == "optimizer"   ? FindOptimizer(name)
                            : key == "scheduler" ? FindScheduler(name)
                                                 : nullptr;
  if (def != nullptr) return &def->params;
  if (key != "loss") return nullptr;
  const nodes::NodeDef* node = nodes::FindNode(name);
  return node != nullptr && node->category == "loss" ? &node->params : nullptr;
}

ComponentDef::Objection CheckComponent(std::string_view key, std::string_view name,
                                       const nodes::Params& params) {
  const ComponentDef* def = key == "optimizer"   ? FindOptimizer(name)
                            : key == "scheduler" ? FindScheduler(name)
                                                 : nullptr;
  return def != nullptr && def->check != nullptr ? def->check(params) : ComponentDef::Objection{};
}

nlohmann::ordered_json DescribeComponent(std::string_view name) {
  if (const ComponentDef* def = FindOptimizer(name)) return DescribeEntry("optimizer", *def);
  if (const ComponentDef* def = FindScheduler(name)) return DescribeEntry("scheduler", *def);
  nlohmann::ordered_json entry;
  if (const MetricDef* def = FindMetric(name)) {
    entry["name"] = def->name;
    entry["category"] = "metric";
    entry["doc"] = def->doc;
    entry["task"] = std::string(TaskName(def->task));
    entry["better"] = std::string(def->better);
  } else if (const SourceDef* source = FindSource(name)) {
    entry["name"] = source->name;
    entry["category"] = "data source";
    entry["doc"] = source->doc;
    entry["available"] = source->available;
  }
  return entry;
}

}  // namespace graphkiln::jobs
