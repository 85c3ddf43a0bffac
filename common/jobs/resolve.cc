#include "common/jobs/resolve.h"

#include <cmath>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/jobs/faults.h"
#include "common/jobs/fields.h"
#include "common/jobs/model_check.h"
#include "common/jobs/registry.h"
#include "common/jobs/schema.h"
#include "common/jobs/split_check.h"
#include "common/nodes/given_params.h"
#include "common/nodes/param_spec.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace graphkiln::jobs {
namespace {

constexpr int kMaxLabels = 64;
constexpr size_t kMaxLabelBytes = 256;
constexpr int kMaxMetrics = 64;
constexpr int kMaxColumns = 100'000;
constexpr int64_t kMaxSpanSeconds = 100ll * 366 * 86400;

class Resolver {
 public:
  Resolver(v1::JobSpec* job, std::vector<v1::Diagnostic>* diagnostics)
      : job_(job), diagnostics_(diagnostics) {}

  void Run() {
    for (const KeySpec& key : JobSchema()) Key(key);
    Source();
    Required();
    Component("loss");
    Component("optimizer");
    if (job_->has_scheduler()) Component("scheduler");
    MetricNames();
    Split();
    Best();
    Bounds();
    Availability();
  }

 private:
  v1::Diagnostic* Fault(std::string_view code, std::string_view path, std::string message) {
    return AddFault(diagnostics_, code, path, std::move(message));
  }
  void Missing(std::string_view path, std::string message) {
    if (!HasErrorAt(*diagnostics_, path)) Fault("MISSING_KEY", path, std::move(message));
  }
  bool Trains() const {
    return job_->kind() == v1::JOB_KIND_TRAIN || job_->kind() == v1::JOB_KIND_SMOKE;
  }

  // Fills in the default of one key, or checks what is there: clients other than ours send jobs
  // too.
  void Key(const KeySpec& key) {
    if (key.type == KeyType::kSection) {
      const bool smoke = key.path == "smoke" && job_->kind() == v1::JOB_KIND_SMOKE;
      const auto* parent = SectionOf(key.parent(), *job_);
      if (parent != nullptr && (!key.optional || smoke)) MutableSection(key.path, job_);
      return;
    }
    if (SectionOf(key.parent(), *job_) == nullptr) return;
    auto* parent = MutableSection(key.parent(), job_);
    if (!FieldIsSet(key, *parent)) {
      const TextNode* value = DefaultOf(key);
      JobPositions unused;
      if (value != nullptr) ReadField(key, *value, parent, &unused, diagnostics_);
      return;
    }
    if (key.type == KeyType::kInt || key.type == KeyType::kFloat) {
      const double value = NumberIn(key, *parent);
      if (!InRange(key, value)) OutOfRange(key, fmt::format("{}", value));
    } else if (!key.choices.empty()) {
      const std::string text = FieldText(key, *parent).get<std::string>();
      for (const std::string& choice : key.choices) {
        if (choice == text) return;
      }
      OutOfRange(key, QuoteForMessage(text));
    } else if (key.type == KeyType::kFile) {
      File(key.path, FieldText(key, *parent));
    }
  }

  void OutOfRange(const KeySpec& key, std::string found) {
    auto* fault = Fault("KEY_RANGE", key.path, fmt::format("{} is out of range", key.path));
    fault->set_expected(TypeText(key));
    fault->set_found(std::move(found));
  }

  void File(std::string_view path, const nlohmann::ordered_json& text) {
    if (!text.is_object()) return;
    const auto artifact = text.value("artifact", std::string());
    if (artifact.size() == 64 &&
        artifact.find_first_not_of("0123456789abcdef") == std::string::npos) {
      return;
    }
    auto* fault = Fault("KEY_RANGE", fmt::format("{}.artifact", path),
                        fmt::format("{}.artifact is no content hash", path));
    fault->set_expected("64 lower-case hex digits");
    fault->set_found(QuoteForMessage(artifact));
  }

  void Source() {
    if (job_->data().source_case() == v1::DataSpec::SOURCE_NOT_SET) {
      std::vector<std::string> names;
      for (const SourceDef& source : Sources()) {
        if (source.available) names.push_back("data." + source.name);
      }
      if (!HasErrorUnder("data")) {
        Missing("data", fmt::format("the job has no data; say one of {}", fmt::join(names, ", ")));
      }
      return;
    }
    const auto* field = job_->data().GetDescriptor()->FindFieldByNumber(job_->data().source_case());
    const SourceDef* source = FindSource(field->name());
    if (source != nullptr && !source->available) {
      NotAvailable(fmt::format("data.{}", source->name),
                   fmt::format("the data source {}", source->name), "csv or synthetic");
    }
  }

  bool HasErrorUnder(std::string_view section) const {
    const std::string prefix = fmt::format("{}.", section);
    for (const v1::Diagnostic& diagnostic : *diagnostics_) {
      if (diagnostic.path() == section || diagnostic.path().starts_with(prefix)) return true;
    }
    return false;
  }

  void Required() {
    if (job_->graph().source_case() == v1::GraphSource::SOURCE_NOT_SET) {
      Missing("graph", "the job has no graph");
    }
    if (!Trains()) return;
    if (!job_->has_loss()) Missing("loss", "a job that trains needs a loss");
    if (!job_->has_optimizer()) Missing("optimizer", "a job that trains needs an optimizer");
    const bool files = job_->data().has_csv() || !job_->data().dataset().empty();
    if (files && job_->data().target().empty()) {
      Missing("data.target", "a job that trains needs the name of the target column");
    }
    if (job_->kind() == v1::JOB_KIND_TRAIN && job_->epochs() == 0 && job_->steps() == 0 &&
        !job_->has_time_limit()) {
      if (!HasErrorAt(*diagnostics_, "steps") && !HasErrorAt(*diagnostics_, "time_limit")) {
        Missing("epochs", "the job would never end; say epochs, steps or time_limit");
      }
    }
  }

  v1::Component* MutableComponent(std::string_view key) {
    if (key == "loss") return job_->has_loss() ? job_->mutable_loss() : nullptr;
    if (key == "optimizer") return job_->has_optimizer() ? job_->mutable_optimizer() : nullptr;
    return job_->mutable_scheduler();
  }

  void Component(std::string_view key) {
    v1::Component* component = MutableComponent(key);
    if (component == nullptr) return;
    const auto* specs = ComponentParams(key, component->type());
    if (specs == nullptr) {
      UnknownComponent(key, fmt::format("{}.type", key), component->type());
      return;
    }
    const nodes::GivenParams given = nodes::ViewOf(component->params());
    nodes::Params params;
    const bool legal = nodes::ResolveParams(*specs, given, &params, [&](nodes::ParamIssue issue) {
      const std::string path = fmt::format("{}.{}", key, issue.param);
      // A parameter whose value could not even be read is reported once.
      if (issue.code == "MISSING_PARAM" && HasErrorAt(*diagnostics_, path)) return;
      auto* fault =
          Fault(issue.code, path, fmt::format("{} {}: {}", key, component->type(), issue.message));
      fault->set_param(issue.param);
      fault->set_expected(issue.expected);
      fault->set_found(issue.found);
      if (issue.rename_to) {
        fault->add_fixes()->set_description(fmt::format("write {} instead", *issue.rename_to));
      } else if (issue.suggested) {
        fault->add_fixes()->set_description(
            fmt::format("set it to {}", nodes::ValueText(*issue.suggested)));
      }
    });
    if (!legal) return;
    for (const auto& entry : params.entries()) {
      if (std::holds_alternative<std::monostate>(entry.value)) continue;
      (*component->mutable_params())[entry.name] = nodes::ToValue(entry.value);
    }
    if (key == "loss" && params.Has("reduction") && params.Text("reduction") == "none") {
      auto* fault =
          Fault("PARAM_RANGE", "loss.reduction", "reduction none gives no single loss to train on");
      fault->set_param("reduction");
      fault->set_expected("mean or sum");
      fault->set_found("none");
    }
    const auto objection = CheckComponent(key, component->type(), params);
    if (!objection.param.empty()) {
      Fault("PARAM_RANGE", fmt::format("{}.{}", key, objection.param),
            fmt::format("{} {}: {}", key, component->type(), objection.message))
          ->set_param(std::string(objection.param));
    }
  }

  void UnknownComponent(std::string_view key, std::string_view path, std::string_view name) {
    const std::vector<std::string> names = ComponentNames(key);
    const std::string_view what = key == "metrics" ? "metric" : key;
    auto* fault =
        Fault("UNKNOWN_TYPE", path, fmt::format("there is no {} {}", what, QuoteForMessage(name)));
    fault->set_expected(fmt::format("one of {}", fmt::join(names, ", ")));
    fault->set_found(QuoteForMessage(name));
    SuggestName(fault, name, names);
  }

  void MetricNames() {
    StringSet seen;
    for (int i = 0; i < job_->metrics_size(); ++i) {
      const std::string& name = job_->metrics(i);
      const std::string path = fmt::format("metrics.{}", i);
      const MetricDef* metric = FindMetric(name);
      if (metric == nullptr) {
        UnknownComponent("metrics", path, name);
      } else if (!seen.insert(name).second) {
        Fault("KEY_CONFLICT", path, fmt::format("metric {} is named twice", name));
      } else if (job_->has_loss()) {
        const Task task = LossTask(job_->loss().type());
        if (task == Task::kAny || metric->task == Task::kAny || metric->task == task) continue;
        auto* fault =
            Fault("METRIC_MISMATCH", path,
                  fmt::format("{} is a metric for {}, but {} is a loss for {}", name,
                              TaskName(metric->task), job_->loss().type(), TaskName(task)));
        std::vector<std::string> fitting;
        for (const MetricDef& other : Metrics()) {
          if (other.task == task) fitting.push_back(other.name);
        }
        fault->set_expected(fmt::format("one of {}", fmt::join(fitting, ", ")));
        fault->set_found(name);
      }
    }
  }

  void Split() {
    v1::SplitSpec* split = job_->mutable_data()->mutable_split();
    if (!split->has_seed()) split->set_seed(job_->seed());
    if (split->validation() + split->test() >= 1) {
      auto* fault = Fault("KEY_RANGE", "data.split",
                          "validation and test together leave no rows for training");
      fault->set_expected("a sum below 1");
      fault->set_found(fmt::format("{}", split->validation() + split->test()));
    }
    if (job_->data().has_synthetic() && job_->data().synthetic().rows() > 0) {
      CheckSplit(*split, job_->data().synthetic().rows(), diagnostics_);
    }
    if (split->stratify() && job_->has_loss() &&
        LossTask(job_->loss().type()) == Task::kRegression) {
      Fault("KEY_CONFLICT", "data.split.stratify",
            fmt::format("stratify needs classes, but {} is a loss for regression",
                        job_->loss().type()));
    }
  }

  void Best() {
    if (!job_->checkpoint().has_best()) return;
    const std::string& metric = job_->checkpoint().best().metric();
    std::vector<std::string> names = {"train_loss", "val_loss"};
    for (const std::string& name : job_->metrics()) names.push_back("val_" + name);
    bool known = false;
    for (const std::string& name : names) known |= name == metric;
    if (!known) {
      auto* fault = Fault("KEY_RANGE", "checkpoint.best.metric",
                          fmt::format("this job does not report {}", QuoteForMessage(metric)));
      fault->set_expected(fmt::format("one of {}", fmt::join(names, ", ")));
      fault->set_found(QuoteForMessage(metric));
      SuggestName(fault, metric, names);
    } else if (metric.starts_with("val_") && job_->data().split().validation() == 0) {
      Fault("KEY_CONFLICT", "checkpoint.best.metric",
            fmt::format("{} needs data.split.validation above 0", metric));
    }
  }

  void Bounds() {
    if (job_->labels_size() > kMaxLabels) {
      Fault("KEY_RANGE", "labels", fmt::format("more than {} labels", kMaxLabels));
    }
    for (const auto& [name, value] : job_->labels()) {
      if (name.empty() || name.size() > kMaxLabelBytes || value.size() > kMaxLabelBytes) {
        Fault("KEY_RANGE", "labels",
              fmt::format("label {} is empty or longer than {} bytes", QuoteForMessage(name),
                          kMaxLabelBytes));
      }
    }
    if (job_->metrics_size() > kMaxMetrics) {
      Fault("KEY_RANGE", "metrics", fmt::format("more than {} metrics", kMaxMetrics));
    }
    int columns = 0;
    for (const auto& [name, list] : job_->data().inputs()) columns += list.columns_size();
    if (columns > kMaxColumns) {
      Fault("KEY_RANGE", "data.inputs", fmt::format("more than {} columns", kMaxColumns));
    }
    if (job_->has_time_limit()) {
      const auto& span = job_->time_limit();
      if (span.seconds() < 0 || span.nanos() < 0 || span.nanos() >= 1'000'000'000 ||
          span.seconds() > kMaxSpanSeconds || span.seconds() + span.nanos() == 0) {
        Fault("KEY_RANGE", "time_limit", "time_limit is out of range");
      }
    }
    if (!job_->queue().empty() && job_->queue().size() > 63) {
      Fault("KEY_RANGE", "queue", "the queue's name is longer than 63 bytes");
    }
    if (job_->weights().source_case() == v1::WeightsSource::kFile) {
      File("weights", FieldText(*FindKey("weights"), *job_));
    }
  }

  void NotAvailable(std::string_view path, std::string_view what, std::string_view instead) {
    auto* fault = Fault("UNSUPPORTED", path, fmt::format("{} is not available yet", what));
    fault->set_expected(std::string(instead));
  }

  // What the schema promises and this version's trainer does not run.
  void Availability() {
    if (job_->kind() == v1::JOB_KIND_EVALUATE || job_->kind() == v1::JOB_KIND_PREDICT) {
      NotAvailable("kind", "this kind of job", "train or smoke");
    }
    if (job_->precision() > v1::PRECISION_FLOAT32) {
      NotAvailable("precision", "this precision", "float32");
    }
    if (job_->resources().devices() > 1) {
      NotAvailable("resources.devices", "training on several devices", "1");
    }
  }

  v1::JobSpec* job_;
  std::vector<v1::Diagnostic>* diagnostics_;
};

}  // namespace

bool ResolveJob(v1::JobSpec* job, const ir::Module* model,
                std::vector<v1::Diagnostic>* diagnostics) {
  const size_t before = diagnostics->size();
  Resolver(job, diagnostics).Run();
  if (model != nullptr) CheckModel(*model, job, diagnostics);
  return diagnostics->size() == before;
}

}  // namespace graphkiln::jobs
