#include "services/worker/trainer/executor.h"

#include <ATen/ATen.h>

#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

using B = ProgramBuilder;
using ::testing::HasSubstr;

const c10::Device kCpu(c10::kCPU);

TEST(ExecutorTest, ComputesALinearByHand) {
  ProgramBuilder b;
  const int x = b.Input("x", api::DATA_TYPE_FLOAT32, {-1, 2});
  const int w = b.Parameter("w", {1, 2}, 1);
  const int bias = b.Parameter("b", {1}, 1);
  b.Output("y", b.Linear("fc", x, w, bias, {-1, 1}));
  const auto plan = Plan::Compile(b.ir(), kCpu);
  ASSERT_TRUE(plan.ok()) << plan.status();
  Executor executor(*plan);
  const std::vector<at::Tensor> parameters = {at::tensor({2.0f, -1.0f}).reshape({1, 2}),
                                              at::tensor({0.5f})};
  executor.SetParameters(parameters);
  std::vector<at::Tensor> outputs;
  const at::Tensor input = at::tensor({1.0f, 2.0f, 3.0f, 4.0f}).reshape({2, 2});
  ASSERT_TRUE(executor.Run({input}, false, &outputs).ok());
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_TRUE(outputs[0].equal(at::tensor({0.5f, 2.5f}).reshape({2, 1})));
}

TEST(ExecutorTest, AValueUsedTwiceInItsLastCallSurvivesBothMentions) {
  ProgramBuilder b;
  const int x = b.Input("x", api::DATA_TYPE_FLOAT32, {-1, 2});
  const int h = b.Call("r", "aten.relu.default", {B::V(x)}, {-1, 2});
  b.Output("y", b.Call("s", "aten.add.Tensor", {B::V(h), B::V(h), B::I(1)}, {-1, 2}));
  const auto plan = Plan::Compile(b.ir(), kCpu);
  ASSERT_TRUE(plan.ok()) << plan.status();
  Executor executor(*plan);
  std::vector<at::Tensor> outputs;
  ASSERT_TRUE(executor.Run({at::tensor({-1.0f, 3.0f}).reshape({1, 2})}, false, &outputs).ok());
  EXPECT_TRUE(outputs[0].equal(at::tensor({0.0f, 6.0f}).reshape({1, 2})));
}

TEST(ExecutorTest, SizesFollowTheBatchOfEachRun) {
  ProgramBuilder b;
  const int x = b.Input("x", api::DATA_TYPE_FLOAT32, {-1, 4});
  const int y = b.Call("r", "aten.reshape.default",
                       {B::V(x), B::List({B::Size("B"), B::I(2), B::I(2)})}, {-1, 2, 2});
  b.Output("y", y);
  const auto plan = Plan::Compile(b.ir(), kCpu);
  ASSERT_TRUE(plan.ok()) << plan.status();
  Executor executor(*plan);
  std::vector<at::Tensor> outputs;
  for (const int64_t batch : {3, 5, 5, 1}) {
    ASSERT_TRUE(executor.Run({at::zeros({batch, 4})}, false, &outputs).ok());
    EXPECT_EQ(outputs[0].sizes(), at::IntArrayRef({batch, 2, 2}));
  }
}

TEST(ExecutorTest, SizesThatTheProgramIsNotMadeForAreRefusedBeforeAnythingRuns) {
  ProgramBuilder b;
  const int x = b.Input("x", api::DATA_TYPE_FLOAT32, {-1, 4});
  const int y = b.Call("third", "aten.select.int", {B::V(x), B::I(0), B::I(2)}, {4});
  b.Output("y", y);
  api::IrModule ir = b.ir();
  api::IrAssumption* assumption = ir.add_assumptions();
  assumption->set_size("B");
  assumption->set_at_least(3);
  assumption->set_source(ir.calls(0).source());
  const auto plan = Plan::Compile(ir, kCpu);
  ASSERT_TRUE(plan.ok()) << plan.status();
  Executor executor(*plan);
  std::vector<at::Tensor> outputs;
  ASSERT_TRUE(executor.Run({at::zeros({3, 4})}, false, &outputs).ok());
  const absl::Status refused = executor.Run({at::zeros({2, 4})}, false, &outputs);
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("made for inputs where B is 3 or more for node \"third\"; here B is 2"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("DATA_INVALID"));
  // Sizes that were refused are not remembered as good.
  EXPECT_FALSE(executor.Run({at::zeros({2, 4})}, false, &outputs).ok());
  EXPECT_TRUE(executor.Run({at::zeros({4, 4})}, false, &outputs).ok());
}

TEST(ExecutorTest, TheTrainingFlagReachesDropout) {
  ProgramBuilder b;
  const int x = b.Input("x", api::DATA_TYPE_FLOAT32, {-1, 1000});
  b.Output("y",
           b.Call("d", "aten.dropout.default", {B::V(x), B::D(0.5), B::Training()}, {-1, 1000}));
  const auto plan = Plan::Compile(b.ir(), kCpu);
  ASSERT_TRUE(plan.ok()) << plan.status();
  Executor executor(*plan);
  std::vector<at::Tensor> outputs;
  const at::Tensor ones = at::ones({1, 1000});
  ASSERT_TRUE(executor.Run({ones}, false, &outputs).ok());
  EXPECT_TRUE(outputs[0].equal(ones));
  ASSERT_TRUE(executor.Run({ones}, true, &outputs).ok());
  const int64_t zeros = outputs[0].eq(0).sum().item<int64_t>();
  EXPECT_GT(zeros, 400);
  EXPECT_LT(zeros, 600);
}

TEST(ExecutorTest, WrongShapesNameTheInputAndBothShapes) {
  const auto plan = Plan::Compile(ClassifierProgram(6, 4, 3, 0), kCpu);
  ASSERT_TRUE(plan.ok()) << plan.status();
  Executor executor(*plan);
  std::vector<at::Tensor> outputs;
  const auto wide = executor.Run({at::zeros({2, 7}), at::zeros({2}, at::kLong)}, true, &outputs);
  EXPECT_THAT(std::string(wide.message()), HasSubstr("input \"x\" must be [B, 6], found [2, 7]"));
  const auto uneven = executor.Run({at::zeros({2, 6}), at::zeros({3}, at::kLong)}, true, &outputs);
  EXPECT_THAT(std::string(uneven.message()), HasSubstr("\"target\""));
  const auto type = executor.Run({at::zeros({2, 6}), at::zeros({2})}, true, &outputs);
  EXPECT_THAT(std::string(type.message()), HasSubstr("must be Long, found Float"));
}

TEST(ExecutorTest, AFailingOperatorNamesItsNodeAndLeavesTheExecutorUsable) {
  const auto plan = Plan::Compile(ClassifierProgram(6, 4, 3, 0), kCpu);
  ASSERT_TRUE(plan.ok()) << plan.status();
  Executor executor(*plan);
  executor.SetParameters(std::vector<at::Tensor>{at::zeros({4, 6}), at::zeros({4}),
                                                 at::zeros({3, 4}), at::zeros({3})});
  std::vector<at::Tensor> outputs;
  const auto status =
      executor.Run({at::zeros({2, 6}), at::full({2}, 9, at::kLong)}, true, &outputs);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("OPERATOR_FAILED: node \"loss\" (Test)"));
  EXPECT_TRUE(executor.Run({at::zeros({2, 6}), at::zeros({2}, at::kLong)}, true, &outputs).ok());
  EXPECT_NEAR(outputs.back().item<double>(), std::log(3.0), 1e-6);
}

}  // namespace
}  // namespace graphkiln::trainer
