#include "common/jobs/job_file.h"

#include "common/jobs/job_writer.h"
#include "common/jobs/resolve.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graphkiln::jobs {
namespace {

constexpr std::string_view kFull = R"(kind: train
graph: ../models/iris_mlp.kiln.yaml
data:
  csv: ../../data/iris.csv
  inputs: {x: ["sepal*", "petal*"]}
  target: label
  split: {validation: 0.2, test: 0.1, seed: 7, stratify: true}
  normalize: standard
  batch_size: 16
  shuffle: true
loss: {type: CrossEntropyLoss}
optimizer: {type: Adam, lr: 0.01, weight_decay: 0.0}
scheduler: {type: CosineAnnealingLR, T_max: 60}
metrics: [accuracy]
epochs: 60
time_limit: 5m
seed: 7
precision: float32
checkpoint: {every_epochs: 10, keep_last: 2, best: {metric: val_loss, mode: min}}
weights: null
resources: {device: any, devices: 1, memory: auto, cores: 1}
queue: default
priority: 0
labels: {team: demo}
)";

struct Fault {
  std::string code, path;
  int line, column;
  friend bool operator==(const Fault&, const Fault&) = default;
};
void PrintTo(const Fault& f, std::ostream* os) {
  *os << f.code << " " << f.path << " " << f.line << ":" << f.column;
}

std::vector<Fault> Faults(const std::vector<v1::Diagnostic>& diagnostics) {
  std::vector<Fault> faults;
  for (const auto& d : diagnostics) faults.push_back({d.code(), d.path(), d.line(), d.column()});
  return faults;
}

TEST(ReadJob, ReadsTheFileOfTheManual) {
  JobFile job;
  std::vector<v1::Diagnostic> diagnostics;
  ASSERT_TRUE(ReadJob(kFull, "job.yaml", {}, &job, &diagnostics));
  EXPECT_EQ(job.graph_path, "../models/iris_mlp.kiln.yaml");
  EXPECT_EQ(job.spec.kind(), v1::JOB_KIND_TRAIN);
  EXPECT_EQ(job.spec.data().csv().path(), "../../data/iris.csv");
  ASSERT_EQ(job.spec.data().inputs().at("x").columns_size(), 2);
  EXPECT_EQ(job.spec.data().inputs().at("x").columns(1), "petal*");
  EXPECT_DOUBLE_EQ(job.spec.data().split().validation(), 0.2);
  EXPECT_EQ(job.spec.data().split().seed(), 7u);
  EXPECT_EQ(job.spec.data().normalize(), v1::NORMALIZATION_STANDARD);
  EXPECT_TRUE(job.spec.data().shuffle());
  EXPECT_EQ(job.spec.optimizer().type(), "Adam");
  EXPECT_DOUBLE_EQ(job.spec.optimizer().params().at("lr").double_value(), 0.01);
  EXPECT_EQ(job.spec.scheduler().params().at("T_max").int_value(), 60);
  EXPECT_EQ(job.spec.time_limit().seconds(), 300);
  EXPECT_EQ(job.spec.checkpoint().best().metric(), "val_loss");
  EXPECT_FALSE(job.spec.has_weights());
  EXPECT_EQ(job.spec.resources().memory_bytes(), 0);
  EXPECT_EQ(job.spec.labels().at("team"), "demo");
}

TEST(ReadJob, PlacesEveryFault) {
  JobFile job;
  std::vector<v1::Diagnostic> diagnostics;
  EXPECT_FALSE(
      ReadJob("kind: trian\n"
              "optimzer: Adam\n"
              "data:\n"
              "  csv: a.csv\n"
              "  dataset: b\n"
              "  batch_size: 0\n"
              "  shuffle: 3\n"
              "epochs: many\n"
              "time_limit: 300\n"
              "metrics: [accuracy, 3]\n"
              "batch_size: 4\n",
              "j.yaml", {}, &job, &diagnostics));
  EXPECT_THAT(
      Faults(diagnostics),
      testing::ElementsAre(
          Fault{"KEY_RANGE", "kind", 1, 7}, Fault{"UNKNOWN_KEY", "optimzer", 2, 1},
          Fault{"KEY_CONFLICT", "data.dataset", 5, 12},
          Fault{"KEY_RANGE", "data.batch_size", 6, 15}, Fault{"KEY_TYPE", "data.shuffle", 7, 12},
          Fault{"KEY_TYPE", "epochs", 8, 9}, Fault{"KEY_TYPE", "time_limit", 9, 13},
          Fault{"KEY_TYPE", "metrics.1", 10, 21}, Fault{"UNKNOWN_KEY", "batch_size", 11, 1}));
  EXPECT_EQ(diagnostics[0].fixes(0).description(), "write train instead");
  EXPECT_EQ(diagnostics[1].fixes(0).description(), "write optimizer instead");
  EXPECT_EQ(diagnostics[6].fixes(0).description(), "write 300s");
  EXPECT_EQ(diagnostics[8].fixes(0).description(), "batch_size stands under data");
  EXPECT_EQ(diagnostics[0].file(), "j.yaml");
}

TEST(ReadJob, SyntaxErrorsAreLocated) {
  JobFile job;
  std::vector<v1::Diagnostic> diagnostics;
  EXPECT_FALSE(ReadJob("kind: train\nepochs: [1, 2\n", "j.yaml", {}, &job, &diagnostics));
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0].code(), "SYNTAX");
  EXPECT_GE(diagnostics[0].line(), 2);
}

TEST(ReadJob, AGraphIsNamedInsteadOfItsKeys) {
  JobFile job;
  std::vector<v1::Diagnostic> diagnostics;
  EXPECT_FALSE(ReadJob("inputs: {x: {shape: [4]}}\nnodes: {a: {type: ReLU, in: x}}\n", "g.yaml", {},
                       &job, &diagnostics));
  EXPECT_EQ(Faults(diagnostics), (std::vector<Fault>{{"SYNTAX", "", 1, 1}}));
  EXPECT_THAT(diagnostics[0].message(), testing::HasSubstr("a graph, not a job"));
}

TEST(ReadJob, WhereTheGraphComesFrom) {
  const std::string hash(64, 'a');
  const auto read = [](std::string text) {
    JobFile job;
    std::vector<v1::Diagnostic> diagnostics;
    EXPECT_TRUE(ReadJob(text, "j", {}, &job, &diagnostics)) << text;
    return job;
  };
  EXPECT_EQ(read("graph: iris").spec.graph().name(), "iris");
  EXPECT_EQ(read("graph: projects/p/graphs/iris").spec.graph().name(), "projects/p/graphs/iris");
  EXPECT_EQ(read("graph: " + hash).spec.graph().hash(), hash);
  EXPECT_EQ(read("graph: ./iris").graph_path, "./iris");
  EXPECT_EQ(read("graph: iris.yaml").graph_path, "iris.yaml");
  EXPECT_TRUE(read("graph: {nodes: {a: {type: ReLU}}}").graph_node.has_value());
}

TEST(ReadJob, WeightsInAllForms) {
  const auto read = [](std::string text) {
    JobFile job;
    std::vector<v1::Diagnostic> diagnostics;
    ReadJob(text, "j", {}, &job, &diagnostics);
    return job.spec.weights();
  };
  EXPECT_EQ(read("weights: job:old").job(), "old");
  EXPECT_EQ(read("weights: w.safetensors").file().path(), "w.safetensors");
  EXPECT_EQ(read("weights: {artifact: abc}").file().artifact(), "abc");
  EXPECT_EQ(read("weights: {jbo: abc}").source_case(), v1::WeightsSource::SOURCE_NOT_SET);
}

TEST(Overrides, ComeBeforeChecking) {
  std::vector<Override> overrides;
  for (const char* text : {"optimizer.lr=0.5", "epochs=3", "data.dataset=iris", "labels.run=a1",
                           "scheduler=", "data.inputs.x=[a, b]", "data.split.validation=0.3"}) {
    auto change = ParseOverride(text);
    ASSERT_TRUE(change.ok()) << text;
    overrides.push_back(*change);
  }
  JobFile job;
  std::vector<v1::Diagnostic> diagnostics;
  ASSERT_TRUE(ReadJob(kFull, "job.yaml", overrides, &job, &diagnostics));
  EXPECT_DOUBLE_EQ(job.spec.optimizer().params().at("lr").double_value(), 0.5);
  EXPECT_EQ(job.spec.optimizer().type(), "Adam");
  EXPECT_EQ(job.spec.epochs(), 3);
  EXPECT_EQ(job.spec.data().dataset(), "iris");  // and no conflict with csv
  EXPECT_EQ(job.spec.labels().at("run"), "a1");
  EXPECT_FALSE(job.spec.has_scheduler());
  EXPECT_EQ(job.spec.data().inputs().at("x").columns(0), "a");
  EXPECT_DOUBLE_EQ(job.spec.data().split().validation(), 0.3);
}

TEST(Overrides, FaultsNameTheFlag) {
  JobFile job;
  std::vector<v1::Diagnostic> diagnostics;
  EXPECT_FALSE(ReadJob(kFull, "job.yaml", {*ParseOverride("epochs=-1"), *ParseOverride("a.b=1")},
                       &job, &diagnostics));
  ASSERT_EQ(diagnostics.size(), 2u);
  EXPECT_EQ(diagnostics[0].file(), "--set epochs");
  EXPECT_EQ(diagnostics[0].line(), 0);
  EXPECT_EQ(diagnostics[1].code(), "UNKNOWN_KEY");

  diagnostics.clear();
  EXPECT_FALSE(
      ReadJob(kFull, "job.yaml", {*ParseOverride("data.split={test: 2}")}, &job, &diagnostics));
  EXPECT_EQ(diagnostics[0].file(), "--set data.split.test");
  EXPECT_EQ(diagnostics[0].line(), 0);
}

TEST(Overrides, RefusesMalformedOnes) {
  for (const char* text : {"", "epochs", "=3", "a..b=3", ".a=1", "a=[1,", "a={"}) {
    EXPECT_FALSE(ParseOverride(text).ok()) << text;
  }
  // A component written as its bare name keeps it.
  JobFile job;
  std::vector<v1::Diagnostic> diagnostics;
  EXPECT_TRUE(
      ReadJob("optimizer: Adam", "j", {*ParseOverride("optimizer.lr=1")}, &job, &diagnostics));
  EXPECT_EQ(job.spec.optimizer().type(), "Adam");
  EXPECT_EQ(job.spec.optimizer().params().at("lr").int_value(), 1);
}

TEST(JobJson, WhatIsWrittenReadsBackTheSame) {
  JobFile job;
  std::vector<v1::Diagnostic> diagnostics;
  ASSERT_TRUE(ReadJob(kFull, "job.yaml", {}, &job, &diagnostics));
  job.spec.mutable_graph()->set_name("g");
  ASSERT_TRUE(ResolveJob(&job.spec, nullptr, &diagnostics));
  for (const std::string& text :
       {JobJson(job.spec).dump(), YamlText(JobJson(job.spec)), JobJson(job.spec).dump(2)}) {
    JobFile again;
    ASSERT_TRUE(ReadJob(text, "again", {}, &again, &diagnostics))
        << text << diagnostics[0].message();
    EXPECT_EQ(again.spec.SerializeAsString().size(), job.spec.SerializeAsString().size());
    EXPECT_EQ(JobJson(again.spec), JobJson(job.spec)) << text;
  }
}

TEST(YamlText, QuotesWhatYamlWouldMisread) {
  nlohmann::ordered_json value;
  value["a"] = {"true", "1", "plain", "", "x: y", "- z", "null", "\n"};
  value["b"] = nlohmann::ordered_json::object();
  const std::string text = YamlText(value);
  EXPECT_EQ(text,
            "a: [\"true\", \"1\", plain, \"\", \"x: y\", \"- z\", \"null\", \"\\n\"]\nb: {}\n");
}

}  // namespace
}  // namespace graphkiln::jobs
