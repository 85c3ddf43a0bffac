#include "common/jobs/schema.h"

#include <cmath>
#include <map>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/jobs/registry.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace graphkiln::jobs {
namespace {

constexpr double kMaxCount = 1e15;  // of steps, epochs: far beyond use, exact in a double

using enum KeyType;

// clang-format off
std::vector<KeySpec> MakeSchema() {
  return {
    KeySpec("kind", kEnum).Default("train").Choices({"smoke", "train", "evaluate", "predict"})
        .Doc("What the job does."),
    KeySpec("graph", kGraph)
        .Doc("The model: a path beside this file, the name of a saved graph, a content hash, or the graph itself."),
    KeySpec("data", kSection).Doc("Where the rows come from and how they are used."),
    KeySpec("data.csv", kFile).OneOf("source").Doc("CSV file with a header line."),
    KeySpec("data.npy", kFile).OneOf("source").Doc("NPY file."),
    KeySpec("data.npz", kFile).OneOf("source").Doc("NPZ archive."),
    KeySpec("data.safetensors", kFile).OneOf("source").Doc("Safetensors file."),
    KeySpec("data.idx", kFile).OneOf("source").Doc("IDX file (MNIST's form)."),
    KeySpec("data.images", kFile).OneOf("source").Doc("Folder of images, one folder per class."),
    KeySpec("data.synthetic", kSection).Optional().OneOf("source").Doc("Rows made up from the seed, with a learnable target."),
    KeySpec("data.synthetic.rows", kInt).Default("1024").Range(1, 1e7).Doc("How many rows."),
    KeySpec("data.synthetic.classes", kInt).Default("0").Range(0, 1e6).Doc("Classes of the target; 0 makes it real-valued."),
    KeySpec("data.synthetic.noise", kFloat).Default("0.0").Range(0, 1e6).Doc("Standard deviation of the noise on the target."),
    KeySpec("data.dataset", kText).OneOf("source").Doc("Name of an uploaded data set."),
    KeySpec("data.inputs", kColumns)
        .Doc("Columns of each graph input, row-major: names, globs, or lists of them. With one input, absent means all but the target."),
    KeySpec("data.target", kText).Doc("Target column."),
    KeySpec("data.split", kSection).Doc("How rows are divided; the rest is for training."),
    KeySpec("data.split.validation", kFloat).Default("0.0").Min(0).Below(1).Doc("Fraction held out for validation."),
    KeySpec("data.split.test", kFloat).Default("0.0").Min(0).Below(1).Doc("Fraction held out for the final test."),
    KeySpec("data.split.seed", kInt).Min(0).Doc("Seed of the division; absent: the job's seed."),
    KeySpec("data.split.stratify", kBool).Default("false").Doc("Keep the shares of the classes equal in all parts."),
    KeySpec("data.normalize", kEnum).Default("none").Choices({"standard", "minmax", "none"})
        .Doc("Scaling of the input columns, fitted on the training part."),
    KeySpec("data.batch_size", kInt).Default("32").Range(1, 1e6).Doc("Rows in a step."),
    KeySpec("data.shuffle", kBool).Default("true").Doc("Shuffle the training rows each epoch."),
    KeySpec("data.drop_last", kBool).Default("false").Doc("Leave out a last smaller batch."),
    KeySpec("loss", kComponent).Doc("Loss and its parameters."),
    KeySpec("optimizer", kComponent).Doc("Optimizer and its parameters by torch.optim's names."),
    KeySpec("scheduler", kComponent).Doc("Learning-rate schedule, stepped once per epoch; absent: constant."),
    KeySpec("metrics", kTexts).Doc("Metrics by name."),
    KeySpec("epochs", kInt).Range(0, kMaxCount).Doc("Passes over the training part; 0: no limit. The first limit reached ends the job."),
    KeySpec("steps", kInt).Range(0, kMaxCount).Doc("Optimizer steps; 0: no limit."),
    KeySpec("time_limit", kSpan).Doc("Wall time of training, such as 5m; absent: no limit."),
    KeySpec("seed", kInt).Default("0").Min(0).Doc("Seed of initial weights, shuffling and dropout."),
    KeySpec("precision", kEnum).Default("float32").Choices({"float32", "bfloat16", "float16", "float64"})
        .Doc("Precision of the computation."),
    KeySpec("checkpoint", kSection).Doc("When checkpoints are written and which are kept."),
    KeySpec("checkpoint.every_epochs", kInt).Default("0").Range(0, kMaxCount).Doc("Every so many epochs; 0: not by epochs."),
    KeySpec("checkpoint.every_steps", kInt).Default("0").Range(0, kMaxCount).Doc("Every so many steps; 0: not by steps."),
    KeySpec("checkpoint.keep_last", kInt).Default("2").Range(1, 1000).Doc("How many of the last ones are kept."),
    KeySpec("checkpoint.best", kSection).Optional().Doc("Also keep the best one. weights.safetensors and the test metrics stay those of the last step; `kiln describe job` names the best checkpoint."),
    KeySpec("checkpoint.best.metric", kText).Default("val_loss").Doc("Metric that tells, such as val_loss."),
    KeySpec("checkpoint.best.mode", kText).Default("min").Choices({"min", "max"}).Doc("Whether small or large is good."),
    KeySpec("weights", kWeights).Doc("Weights to start from: a safetensors file, or job:NAME for its last checkpoint; null: initial weights."),
    KeySpec("resources", kSection).Doc("What the job needs."),
    KeySpec("resources.device", kText).Default("any").Choices({"any", "cpu", "cuda"}).Doc("Kind of device."),
    KeySpec("resources.devices", kInt).Default("1").Range(1, 1024).Doc("Number of devices."),
    KeySpec("resources.memory", kBytes).Field("memory_bytes").Default("auto").Doc("Memory, such as 4GiB; auto: as estimated."),
    KeySpec("resources.cores", kInt).Default("1").Range(1, 1024).Doc("CPU cores."),
    KeySpec("queue", kText).Default("default").Doc("Queue."),
    KeySpec("priority", kInt).Default("0").Range(-1000, 1000).Doc("Higher is more urgent."),
    KeySpec("labels", kLabels).Doc("Free labels."),
    KeySpec("max_retries", kInt).Default("3").Range(0, 100).Doc("How often a failure of the machine is tried again."),
    KeySpec("smoke", kSection).Optional().Doc("Options of a smoke run."),
    KeySpec("smoke.overfit_steps", kInt).Default("50").Range(1, 1e6).Doc("Steps on one batch."),
  };
}
// clang-format on

struct Index {
  std::vector<KeySpec> rows = MakeSchema();
  StringMap<const KeySpec*> by_path;
  StringMap<std::vector<const KeySpec*>> by_section;
  StringMap<TextNode> defaults;

  Index() {
    for (const KeySpec& row : rows) {
      by_path.emplace(row.path, &row);
      by_section[std::string(row.parent())].push_back(&row);
      if (row.default_text.empty()) continue;
      auto value = ReadText(row.default_text, TextLimits(), nullptr);
      if (!value.ok()) {
        GRAPHKILN_BUG("job_schema_default", row.path);
        continue;
      }
      value->pos = TextPos();
      defaults.emplace(row.path, *std::move(value));
    }
  }
};

const Index& TheIndex() {
  static const Index& index =
      *new Index;  // never destroyed: threads may still resolve jobs at exit
  return index;
}

std::string NumberText(double value) {
  if (value == std::floor(value) && std::fabs(value) <= kMaxCount) {
    return fmt::format("{}", static_cast<int64_t>(value));
  }
  return fmt::format("{}", value);
}

std::string RangeText(const KeySpec& key) {
  if (key.minimum && key.maximum) {
    return fmt::format(", {} to {}{}", NumberText(*key.minimum), key.open_maximum ? "below " : "",
                       NumberText(*key.maximum));
  }
  if (key.minimum) return fmt::format(", {} or more", NumberText(*key.minimum));
  return "";
}

}  // namespace

const std::vector<KeySpec>& JobSchema() { return TheIndex().rows; }

const KeySpec* FindKey(std::string_view path) {
  const auto& map = TheIndex().by_path;
  const auto it = map.find(path);
  return it == map.end() ? nullptr : it->second;
}

const std::vector<const KeySpec*>& KeysOf(std::string_view section) {
  static const std::vector<const KeySpec*>& none = *new std::vector<const KeySpec*>;
  const auto& map = TheIndex().by_section;
  const auto it = map.find(section);
  return it == map.end() ? none : it->second;
}

const TextNode* DefaultOf(const KeySpec& key) {
  const auto& map = TheIndex().defaults;
  const auto it = map.find(key.path);
  return it == map.end() ? nullptr : &it->second;
}

bool InRange(const KeySpec& key, double value) {
  if (std::isnan(value)) return false;
  if (key.minimum && value < *key.minimum) return false;
  if (!key.maximum) return std::isfinite(value);
  return key.open_maximum ? value < *key.maximum : value <= *key.maximum;
}

std::string TypeText(const KeySpec& key) {
  if (!key.choices.empty()) return fmt::format("one of {}", fmt::join(key.choices, ", "));
  switch (key.type) {
    case kSection:
      return "a map";
    case kInt:
      return "an integer" + RangeText(key);
    case kFloat:
      return "a number" + RangeText(key);
    case kBool:
      return "true or false";
    case kText:
    case kEnum:
      return "a string";
    case kSpan:
      return "a time span such as 90s, 5m or 1h30m";
    case kBytes:
      return "auto, or a size such as 512MiB";
    case kTexts:
      return "a list of names";
    case kLabels:
      return "a map of strings";
    case kColumns:
      return "a map of graph inputs to columns";
    case kComponent:
      return "a name, or a map with the key type";
    case kFile:
      return "a path";
    case kGraph:
      return "a path, a name, a content hash, or a graph";
    case kWeights:
      return "null, a path, or job:NAME";
  }
  return "";
}

nlohmann::ordered_json DescribeSchema() {
  auto rows = nlohmann::ordered_json::array();
  for (const KeySpec& key : JobSchema()) {
    nlohmann::ordered_json row;
    row["key"] = std::string(key.path);
    row["type"] = TypeText(key);
    if (!key.default_text.empty()) row["default"] = std::string(key.default_text);
    std::string doc(key.doc);
    if (const auto names = ComponentNames(key.path); !names.empty()) {
      doc += fmt::format(" Known: {}.", fmt::join(names, ", "));
    }
    row["doc"] = std::move(doc);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace graphkiln::jobs
