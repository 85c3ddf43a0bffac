#include "common/estimate/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fmt/format.h"
#include "tests/unit/common/compiler/testing.h"

namespace graphkiln::estimate {
namespace {

using compiler::CompileResult;
using compiler::CompileText;

constexpr std::string_view kMlp = R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc1: {type: Linear, in: x, params: {out_features: 16}}
  act: {type: ReLU, in: fc1}
  fc2: {type: Linear, in: act, params: {out_features: 3}}
outputs: {logits: fc2}
)";

v1::SummarizeResponse Of(const CompileResult& compiled, const SummaryOptions& options = {}) {
  auto summary = Summarize(compiled, options);
  EXPECT_TRUE(summary.ok()) << summary.status();
  return summary.ok() ? *std::move(summary) : v1::SummarizeResponse();
}

TEST(Summary, CountsAnMlp) {
  const CompileResult compiled = CompileText(kMlp);
  ASSERT_TRUE(compiled.ok);
  const v1::SummarizeResponse s = Of(compiled, {.symbols = {{"B", 10}}});
  EXPECT_EQ(s.parameters(), 131);
  EXPECT_EQ(s.trainable(), 131);
  EXPECT_EQ(s.buffers(), 0);
  // Per row 2*4*16 + 16 (ReLU) + 2*16*3.
  EXPECT_EQ(s.flops(), 10 * (128 + 16 + 96));
  EXPECT_EQ(s.memory().parameters(), 524);
  EXPECT_EQ(s.memory().gradients(), 524);
  EXPECT_EQ(s.memory().optimizer(), 1048);
  // Only ReLU's result: the first Linear saves the input, which is not an activation.
  EXPECT_EQ(s.memory().activations(), 10 * 16 * 4);
  // Input 160; fc1 and act live together.
  EXPECT_EQ(s.memory().peak_inference(), 524 + 160 + 2 * 640);
  EXPECT_GT(s.memory().peak_training(), 524 * 4 + 160 + 640);
}

TEST(Summary, NamesEverythingInOrder) {
  const v1::SummarizeResponse s = Of(CompileText(kMlp));
  ASSERT_EQ(s.state_dict_size(), 4);
  EXPECT_EQ(s.state_dict(0).name(), "fc1.weight");
  EXPECT_EQ(s.state_dict(0).spec().shape(0).size(), 16);
  EXPECT_EQ(s.state_dict(3).name(), "fc2.bias");
  ASSERT_EQ(s.inputs_size(), 1);
  EXPECT_EQ(s.inputs(0).spec().shape(0).symbol(), "B");
  ASSERT_EQ(s.outputs_size(), 1);
  EXPECT_EQ(s.outputs(0).name(), "logits");
}

TEST(Summary, CostsBelongToTheUsersNodes) {
  const CompileResult compiled = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [2, 4, 8]}}
nodes:
  "a block": {type: ResidualBlock, in: x, params: {out_channels: 4}}
  again: {type: ResidualBlock, in: a block, module: a block}
outputs: {y: again}
)");
  ASSERT_TRUE(compiled.ok) << compiler::Findings(compiled);
  const v1::SummarizeResponse s = Of(compiled);
  ASSERT_EQ(s.nodes_size(), 2);
  EXPECT_EQ(s.nodes(0).parameters(), 2 * 4 * 4 * 3 + 4 * 4);
  EXPECT_EQ(s.nodes(1).parameters(), 0) << "shared weights are counted once";
  EXPECT_EQ(s.parameters(), s.nodes(0).parameters());
  EXPECT_EQ(s.nodes(0).flops(), s.nodes(1).flops());
  EXPECT_EQ(s.nodes(0).flops() + s.nodes(1).flops(), s.flops());
  EXPECT_EQ(s.buffers(), 2 * (4 + 4 + 1));
  EXPECT_EQ(s.nodes(0).activations() + s.nodes(1).activations(), s.memory().activations());
}

TEST(Summary, ViewsAreFreeAndStoragesAreFreedAfterTheirLastReader) {
  const CompileResult compiled = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [10, 10]}}
nodes:
  a: {type: Sigmoid, in: x}
  p: {type: Permute, in: a, params: {dims: [1, 0]}}
  f: {type: Flatten, in: p, params: {start_dim: 0}}
  b: {type: Tanh, in: f}
  c: {type: Tanh, in: b}
outputs: {y: c}
)");
  ASSERT_TRUE(compiled.ok);
  const v1::SummarizeResponse s = Of(compiled);
  // The input, and two storages at a time.
  EXPECT_EQ(s.memory().peak_inference(), 3 * 400);
  EXPECT_EQ(s.memory().activations(), 0) << "nothing learns, so nothing is kept";
}

TEST(Summary, ComparesOptimizersAndPrecisions) {
  const CompileResult compiled = CompileText(kMlp);
  const v1::SummarizeResponse s =
      Of(compiled, {.symbols = {{"B", 10}}, .moments = 1, .optimizers = {{"none", 0}, {"two", 2}}});
  EXPECT_EQ(s.memory().optimizer(), 524);
  ASSERT_EQ(s.estimates_size(), 12) << "two optimizers, six ways to compute";
  const auto find = [&](std::string_view optimizer, v1::Precision precision, bool pure) {
    for (const v1::MemoryEstimate& e : s.estimates()) {
      if (e.optimizer() == optimizer && e.numbers().precision() == precision &&
          e.numbers().pure() == pure)
        return e.memory();
    }
    ADD_FAILURE() << "not there";
    return v1::MemorySummary();
  };
  const v1::MemorySummary full = find("two", v1::PRECISION_FLOAT32, false);
  EXPECT_EQ(full.peak_training() - find("none", v1::PRECISION_FLOAT32, false).peak_training(),
            2 * 524);
  EXPECT_EQ(full.peak_training(), s.memory().peak_training() + 524);
  const v1::MemorySummary twice = find("two", v1::PRECISION_FLOAT64, false);
  EXPECT_EQ(twice.peak_training(), 2 * full.peak_training());
  EXPECT_EQ(twice.peak_inference(), 2 * full.peak_inference());
  const v1::MemorySummary half = find("two", v1::PRECISION_FLOAT16, true);
  EXPECT_EQ(2 * half.peak_training(), full.peak_training());
  EXPECT_EQ(2 * half.parameters(), full.parameters());
  // Autocast keeps the weights as they are, and half copies of them beside the half results.
  const v1::MemorySummary mixed = find("two", v1::PRECISION_BFLOAT16, false);
  EXPECT_EQ(mixed.parameters(), full.parameters());
  EXPECT_EQ(mixed.optimizer(), full.optimizer());
  EXPECT_LT(mixed.activations(), full.activations() + full.parameters());
}

TEST(Summary, LayersNestAndCountWhatTheyHold) {
  const CompileResult compiled = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4, 8]}}
nodes:
  a: {type: ResidualBlock, in: x, params: {out_channels: 4}}
  again: {type: ResidualBlock, in: a, module: a}
  pool: {type: MaxPool1d, in: again, params: {kernel_size: 2}}
outputs: {y: pool}
)");
  ASSERT_TRUE(compiled.ok) << compiler::Findings(compiled);
  const v1::SummarizeResponse flat = Of(compiled, {.depth = 1});
  ASSERT_EQ(flat.layers_size(), 3);
  EXPECT_EQ(flat.layers(0).parameters(), flat.parameters());
  EXPECT_TRUE(flat.layers(1).shared());
  EXPECT_EQ(flat.layers(1).parameters(), 0);
  EXPECT_FALSE(flat.layers(2).shared());
  EXPECT_THAT(flat.layers(2).kernel(), testing::ElementsAre(2));
  EXPECT_EQ(flat.layers(2).inputs(0).shape(0).symbol(), "B");
  EXPECT_EQ(flat.layers(2).outputs(0).shape(2).size(), 4);
  const v1::SummarizeResponse deep = Of(compiled, {.symbols = {{"B", 3}}, .depth = 9});
  EXPECT_EQ(deep.layers(0).inputs(0).shape(0).size(), 3) << "what was given is a number";
  int64_t parameters = 0, flops = 0, multiply_adds = 0, activations = 0;
  for (int i = 0; i < deep.layers_size(); ++i) {
    const v1::LayerCost& layer = deep.layers(i);
    const bool holds = i + 1 < deep.layers_size() && deep.layers(i + 1).depth() > layer.depth();
    if (layer.depth() > 0) {
      EXPECT_NE(layer.path().find('.'), std::string::npos) << layer.path();
    }
    if (holds) continue;
    parameters += layer.parameters();
    flops += layer.flops();
    multiply_adds += layer.multiply_adds();
    activations += layer.activations();
  }
  EXPECT_GT(deep.layers_size(), 6);
  EXPECT_EQ(parameters, deep.parameters());
  EXPECT_EQ(flops, deep.flops());
  EXPECT_EQ(multiply_adds, deep.multiply_adds());
  EXPECT_EQ(activations, deep.memory().activations());
  // Four convolutions over 8 places of 3 examples.
  EXPECT_EQ(multiply_adds, 4 * (3 * 8 * 4) * (4 * 3));
}

TEST(Summary, WhatIsHandedOnTakesNothing) {
  const auto with = [](std::string_view p) {
    return CompileText(fmt::format(R"(
graphkiln: 1
inputs: {{x: {{shape: [10, 10]}}}}
nodes:
  fc: {{type: Linear, in: x, params: {{out_features: 100}}}}
  drop: {{type: Dropout, in: fc, params: {{p: {}}}}}
  act: {{type: ReLU, in: drop}}
outputs: {{y: act}}
)",
                                   p));
  };
  const v1::SummarizeResponse none = Of(with("0.0"));
  const v1::SummarizeResponse some = Of(with("0.5"));
  EXPECT_EQ(some.memory().peak_inference(), none.memory().peak_inference());
  EXPECT_EQ(some.memory().activations(), none.memory().activations() + 4000) << "the mask";
}

TEST(Summary, FrozenWeightsHaveNoGradient) {
  const CompileResult compiled = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4]}}
nodes:
  fc1: {type: Linear, in: x, params: {out_features: 16}, compile: freeze}
  fc2: {type: Linear, in: fc1, params: {out_features: 3}}
outputs: {y: fc2}
)");
  ASSERT_TRUE(compiled.ok) << compiler::Findings(compiled);
  const v1::SummarizeResponse s = Of(compiled);
  EXPECT_EQ(s.parameters(), 131);
  EXPECT_EQ(s.trainable(), 51);
  EXPECT_EQ(s.memory().gradients(), 51 * 4);
}

v1::JobSpec Job(std::string optimizer, int64_t batch) {
  v1::JobSpec job;
  job.set_kind(v1::JOB_KIND_TRAIN);
  job.mutable_loss()->set_type("CrossEntropyLoss");
  job.mutable_optimizer()->set_type(std::move(optimizer));
  job.mutable_data()->set_batch_size(batch);
  return job;
}

TEST(EstimateJob, GrowsWithBatchAndOptimizer) {
  const CompileResult compiled = CompileText(kMlp);
  const v1::Estimate sgd = EstimateJob(*compiled.module, Job("SGD", 16), 0);
  const v1::Estimate adam = EstimateJob(*compiled.module, Job("Adam", 16), 2);
  const v1::Estimate large = EstimateJob(*compiled.module, Job("Adam", 160), 2);
  EXPECT_EQ(adam.peak_bytes() - sgd.peak_bytes(), 2 * 524);
  EXPECT_GT(large.peak_bytes(), adam.peak_bytes());
  EXPECT_EQ(large.step_flops(), 10 * adam.step_flops());
  EXPECT_GT(adam.step_flops(), 3.0 * 16 * (128 + 96));
  v1::JobSpec evaluate = Job("Adam", 16);
  evaluate.set_kind(v1::JOB_KIND_EVALUATE);
  EXPECT_LT(EstimateJob(*compiled.module, evaluate, 2).peak_bytes(), sgd.peak_bytes());
}

TEST(EstimateJob, HugeSizesSaturate) {
  const CompileResult compiled = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4000000000, 4000000000]}}
nodes: {a: {type: ReLU, in: x}}
outputs: {y: a}
)");
  if (!compiled.ok) return;  // refused earlier, which is as good
  EXPECT_GT(EstimateJob(*compiled.module, Job("Adam", 1000000), 2).peak_bytes(), int64_t{1} << 60);
}

}  // namespace
}  // namespace graphkiln::estimate
