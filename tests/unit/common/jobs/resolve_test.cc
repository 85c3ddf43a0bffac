#include "common/jobs/resolve.h"

#include "common/jobs/job_file.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"

namespace graphkiln::jobs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kMinimal =
    "graph: g\n"
    "data: {csv: a.csv, target: label}\n"
    "loss: CrossEntropyLoss\n"
    "optimizer: SGD\n"
    "epochs: 2\n";

v1::JobSpec Read(std::string_view base, std::vector<std::string> overrides = {}) {
  std::vector<Override> changes;
  for (const std::string& text : overrides) changes.push_back(*ParseOverride(text));
  JobFile job;
  std::vector<v1::Diagnostic> diagnostics;
  EXPECT_TRUE(ReadJob(base, "j", changes, &job, &diagnostics));
  for (const auto& d : diagnostics) ADD_FAILURE() << d.message();
  return job.spec;
}

std::vector<std::string> Faults(v1::JobSpec spec, const ir::Module* model = nullptr) {
  std::vector<v1::Diagnostic> diagnostics;
  ResolveJob(&spec, model, &diagnostics);
  std::vector<std::string> faults;
  for (const auto& d : diagnostics) faults.push_back(d.code() + " " + d.path());
  return faults;
}

// x: float32[batch, sizes...] -> float32[batch, classes]
ir::Module Model(std::vector<std::pair<std::string, ir::Shape>> inputs, ir::Shape output) {
  ir::Module model;
  for (auto& [name, shape] : inputs) {
    ir::Value value;
    value.type.shape = shape;
    model.inputs.push_back({name, model.AddValue(value)});
  }
  ir::Value value;
  value.type.shape = output;
  model.outputs.push_back({"y", model.AddValue(value)});
  return model;
}

ir::Dim B() { return ir::Dim::Symbol("B"); }

TEST(ResolveJob, FillsInDefaults) {
  v1::JobSpec spec = Read(kMinimal);
  std::vector<v1::Diagnostic> diagnostics;
  ASSERT_TRUE(ResolveJob(&spec, nullptr, &diagnostics));
  EXPECT_EQ(spec.kind(), v1::JOB_KIND_TRAIN);
  EXPECT_EQ(spec.data().batch_size(), 32);
  EXPECT_TRUE(spec.data().has_shuffle());
  EXPECT_TRUE(spec.data().shuffle());
  EXPECT_EQ(spec.data().normalize(), v1::NORMALIZATION_NONE);
  EXPECT_EQ(spec.precision(), v1::PRECISION_FLOAT32);
  EXPECT_EQ(spec.checkpoint().keep_last(), 2);
  EXPECT_FALSE(spec.checkpoint().has_best());
  EXPECT_EQ(spec.resources().device(), "any");
  EXPECT_EQ(spec.resources().cores(), 1);
  EXPECT_EQ(spec.queue(), "default");
  EXPECT_EQ(spec.max_retries(), 3);
  EXPECT_DOUBLE_EQ(spec.optimizer().params().at("lr").double_value(), 1e-3);
  EXPECT_FALSE(spec.optimizer().params().at("nesterov").bool_value());
  EXPECT_EQ(spec.loss().params().at("reduction").string_value(), "mean");
  EXPECT_FALSE(spec.has_smoke());
}

TEST(ResolveJob, IsIdempotent) {
  v1::JobSpec once = Read(kMinimal, {"seed=5", "checkpoint.best={}"});
  once.mutable_data()->mutable_split()->set_validation(0.5);
  std::vector<v1::Diagnostic> diagnostics;
  const ir::Module model = Model({{"x", {B(), 4}}}, {B(), 3});
  ASSERT_TRUE(ResolveJob(&once, &model, &diagnostics)) << diagnostics[0].message();
  EXPECT_EQ(once.data().split().seed(), 5u);
  EXPECT_EQ(once.data().inputs().at("x").columns(0), "*");
  v1::JobSpec twice = once;
  ASSERT_TRUE(ResolveJob(&twice, &model, &diagnostics));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(once, twice));
}

TEST(ResolveJob, AdamHasTorchsDefaults) {
  v1::JobSpec spec = Read(kMinimal, {"optimizer={type: AdamW, lr: 1}"});
  std::vector<v1::Diagnostic> diagnostics;
  ASSERT_TRUE(ResolveJob(&spec, nullptr, &diagnostics));
  const auto& params = spec.optimizer().params();
  EXPECT_DOUBLE_EQ(params.at("lr").double_value(), 1.0);
  EXPECT_DOUBLE_EQ(params.at("weight_decay").double_value(), 0.01);
  EXPECT_DOUBLE_EQ(params.at("betas").list_value().values(1).double_value(), 0.999);
  EXPECT_DOUBLE_EQ(params.at("eps").double_value(), 1e-8);
}

TEST(ResolveJob, ReportsEverythingAtOnce) {
  EXPECT_THAT(Faults(v1::JobSpec()),
              ElementsAre("MISSING_KEY data", "MISSING_KEY graph", "MISSING_KEY loss",
                          "MISSING_KEY optimizer", "MISSING_KEY epochs"));
}

TEST(ResolveJob, OneFaultEach) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"optimizer=Adamm", "UNKNOWN_TYPE optimizer.type"},
      {"optimizer={type: SGD, lr: -1}", "PARAM_RANGE optimizer.lr"},
      {"optimizer={type: SGD, lr: fast}", "PARAM_TYPE optimizer.lr"},
      {"optimizer={type: SGD, learning_rate: 1}", "UNKNOWN_PARAM optimizer.learning_rate"},
      {"optimizer={type: SGD, nesterov: true}", "PARAM_RANGE optimizer.nesterov"},
      {"optimizer={type: Adam, betas: [0.9, 1.0]}", "PARAM_RANGE optimizer.betas"},
      {"scheduler=StepLR", "MISSING_PARAM scheduler.step_size"},
      {"scheduler={type: MultiStepLR, milestones: [3, 2]}", "PARAM_RANGE scheduler.milestones"},
      {"loss=Linear", "UNKNOWN_TYPE loss.type"},
      {"loss={type: CrossEntropyLoss, reduction: none}", "PARAM_RANGE loss.reduction"},
      {"metrics=[precision]", "UNKNOWN_TYPE metrics.0"},
      {"metrics=[accuracy, accuracy]", "KEY_CONFLICT metrics.1"},
      {"metrics=[r2]", "METRIC_MISMATCH metrics.0"},
      {"data.split={validation: 0.6, test: 0.4}", "KEY_RANGE data.split"},
      {"checkpoint.best={metric: val_loss}", "KEY_CONFLICT checkpoint.best.metric"},
      {"checkpoint.best={metric: val_acuracy}", "KEY_RANGE checkpoint.best.metric"},
      {"kind=predict", "UNSUPPORTED kind"},
      {"precision=bfloat16", "UNSUPPORTED precision"},
      {"resources.devices=2", "UNSUPPORTED resources.devices"},
      {"data.npz=a.npz", "UNSUPPORTED data.npz"},
      {"data.csv={artifact: zz}", "KEY_RANGE data.csv.artifact"},
      {"data.target=", "MISSING_KEY data.target"},
      {"epochs=", "MISSING_KEY epochs"},
  };
  for (const auto& [change, fault] : cases) {
    EXPECT_THAT(Faults(Read(kMinimal, {change})), ElementsAre(fault)) << change;
  }
}

// What no file can say but a client's message can.
TEST(ResolveJob, ChecksMessagesOfOtherClients) {
  v1::JobSpec spec = Read(kMinimal);
  spec.mutable_data()->set_batch_size(-4);
  spec.set_priority(5000);
  spec.mutable_resources()->set_device("tpu");
  spec.mutable_time_limit()->set_seconds(-1);
  spec.set_kind(static_cast<v1::JobKind>(99));
  spec.mutable_data()->mutable_split()->set_validation(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(Faults(spec), ElementsAre("KEY_RANGE kind", "KEY_RANGE data.split.validation",
                                        "KEY_RANGE data.batch_size", "KEY_RANGE resources.device",
                                        "KEY_RANGE priority", "KEY_RANGE time_limit"));
}

TEST(ResolveJob, ChecksInputsAgainstTheModel) {
  const ir::Module one = Model({{"x", {B(), 4}}}, {B(), 3});
  EXPECT_THAT(Faults(Read(kMinimal), &one), IsEmpty());
  EXPECT_THAT(Faults(Read(kMinimal, {"data.inputs.y=[a, b, c, d]"}), &one),
              ElementsAre("INPUT_MISMATCH data.inputs.y", "INPUT_MISMATCH data.inputs"));
  EXPECT_THAT(Faults(Read(kMinimal, {"data.inputs.x=[a, b, c]"}), &one),
              ElementsAre("INPUT_MISMATCH data.inputs.x"));
  EXPECT_THAT(Faults(Read(kMinimal, {"data.inputs.x=[a, b, c, label]"}), &one),
              ElementsAre("INPUT_MISMATCH data.inputs.x"));
  EXPECT_THAT(Faults(Read(kMinimal, {"data.inputs.x=[a*]"}), &one), IsEmpty());

  const ir::Module two = Model({{"x", {B(), 4}}, {"z", {B(), 2}}}, {B(), 3});
  EXPECT_THAT(Faults(Read(kMinimal), &two), ElementsAre("MISSING_KEY data.inputs"));

  const ir::Module scalar = Model({{"x", {}}}, {B(), 3});
  EXPECT_THAT(Faults(Read(kMinimal), &scalar), ElementsAre("INPUT_MISMATCH graph"));
  const ir::Module free_size = Model({{"x", {B(), ir::Dim::Symbol("T")}}}, {B(), 3});
  EXPECT_THAT(Faults(Read(kMinimal), &free_size), ElementsAre("INPUT_MISMATCH graph"));
  const ir::Module fixed = Model({{"x", {8, 4}}}, {8, 3});
  EXPECT_THAT(Faults(Read(kMinimal), &fixed), ElementsAre("INPUT_MISMATCH data.batch_size"));
  EXPECT_THAT(Faults(Read(kMinimal, {"data.batch_size=8"}), &fixed), IsEmpty());
}

TEST(ResolveJob, ChecksWhatTheModelNeedsOfItsBatch) {
  ir::Module model = Model({{"x", {B(), 4}}}, {B(), 3});
  model.sources.push_back({"rows", "rows", "Narrow"});
  model.assumptions.Add({B(), 5, 1, 0});
  EXPECT_THAT(Faults(Read(kMinimal, {"data.batch_size=4"}), &model),
              ElementsAre("INPUT_MISMATCH data.batch_size"));
  EXPECT_THAT(Faults(Read(kMinimal, {"data.batch_size=5"}), &model), IsEmpty());
  model.assumptions.Add({B() + ir::Dim(1), 0, 3, -1});
  EXPECT_THAT(Faults(Read(kMinimal, {"data.batch_size=6"}), &model),
              ElementsAre("INPUT_MISMATCH data.batch_size"));
  EXPECT_THAT(Faults(Read(kMinimal, {"data.batch_size=8"}), &model), IsEmpty());
}

TEST(ResolveJob, ChecksTheTargetAgainstTheModel) {
  const ir::Module flat = Model({{"x", {B(), 4}}}, {B()});
  EXPECT_THAT(Faults(Read(kMinimal), &flat), ElementsAre("INPUT_MISMATCH loss"));
  EXPECT_THAT(Faults(Read(kMinimal, {"loss=MSELoss"}), &flat), IsEmpty());
  const ir::Module wide = Model({{"x", {B(), 4}}}, {B(), 3});
  EXPECT_THAT(Faults(Read(kMinimal, {"loss=MSELoss"}), &wide),
              ElementsAre("INPUT_MISMATCH data.target"));
}

TEST(ResolveJob, SyntheticClassesComeFromTheOutput) {
  const ir::Module model = Model({{"x", {B(), 4}}}, {B(), 3});
  v1::JobSpec spec = Read(kMinimal, {"data={synthetic: {}}"});
  std::vector<v1::Diagnostic> diagnostics;
  ASSERT_TRUE(ResolveJob(&spec, &model, &diagnostics));
  EXPECT_EQ(spec.data().synthetic().classes(), 3);
  EXPECT_EQ(spec.data().synthetic().rows(), 1024);
  EXPECT_THAT(Faults(Read(kMinimal, {"data={synthetic: {classes: 4}}"}), &model),
              ElementsAre("KEY_RANGE data.synthetic.classes"));
}

}  // namespace
}  // namespace graphkiln::jobs
