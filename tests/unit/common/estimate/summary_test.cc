#include "common/estimate/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(Summary, CountsAnMlp) {
  const CompileResult compiled = CompileText(kMlp);
  ASSERT_TRUE(compiled.ok);
  const v1::SummarizeResponse s = Summarize(compiled, {{"B", 10}});
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
  const v1::SummarizeResponse s = Summarize(CompileText(kMlp));
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
  const v1::SummarizeResponse s = Summarize(compiled);
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
  const v1::SummarizeResponse s = Summarize(compiled);
  // The input, and two storages at a time.
  EXPECT_EQ(s.memory().peak_inference(), 3 * 400);
  EXPECT_EQ(s.memory().activations(), 0) << "nothing learns, so nothing is kept";
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
  const v1::SummarizeResponse s = Summarize(compiled);
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
  const v1::Estimate sgd = EstimateJob(*compiled.module, Job("SGD", 16));
  const v1::Estimate adam = EstimateJob(*compiled.module, Job("Adam", 16));
  const v1::Estimate large = EstimateJob(*compiled.module, Job("Adam", 160));
  EXPECT_EQ(adam.peak_bytes() - sgd.peak_bytes(), 2 * 524);
  EXPECT_GT(large.peak_bytes(), adam.peak_bytes());
  EXPECT_EQ(large.step_flops(), 10 * adam.step_flops());
  EXPECT_GT(adam.step_flops(), 3.0 * 16 * (128 + 96));
  v1::JobSpec evaluate = Job("Adam", 16);
  evaluate.set_kind(v1::JOB_KIND_EVALUATE);
  EXPECT_LT(EstimateJob(*compiled.module, evaluate).peak_bytes(), sgd.peak_bytes());
}

TEST(EstimateJob, HugeSizesSaturate) {
  const CompileResult compiled = CompileText(R"(
graphkiln: 1
inputs: {x: {shape: [B, 4000000000, 4000000000]}}
nodes: {a: {type: ReLU, in: x}}
outputs: {y: a}
)");
  if (!compiled.ok) return;  // refused earlier, which is as good
  EXPECT_GT(EstimateJob(*compiled.module, Job("Adam", 1000000)).peak_bytes(), int64_t{1} << 60);
}

}  // namespace
}  // namespace graphkiln::estimate
