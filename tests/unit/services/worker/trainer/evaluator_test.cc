#include "services/worker/trainer/evaluator.h"

#include <ATen/ATen.h>

#include <cmath>

#include "services/worker/trainer/parameters.h"
#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

class EvaluatorTest : public ::testing::Test {
 protected:
  EvaluatorTest()
      : plan_(*Plan::Compile(ClassifierProgram(2, 3, 3, 0.5), c10::Device(c10::kCPU))),
        executor_(plan_) {
    // All scores are zero but class 1's: every row is taken for class 1.
    parameters_ = {at::zeros({3, 2}), at::zeros({3}), at::zeros({3, 3}),
                   at::tensor({0.0f, 1.0f, 0.0f})};
    executor_.SetParameters(parameters_);
    part_.rows = 5;
    part_.names = {"x"};
    part_.inputs = {at::ones({5, 2})};
    part_.target = at::tensor({int64_t{1}, int64_t{1}, int64_t{0}, int64_t{2}, int64_t{1}});
    job_.add_metrics("accuracy");
  }

  Plan plan_;
  Executor executor_;
  std::vector<at::Tensor> parameters_;
  Table part_;
  api::JobSpec job_;
  std::map<std::string, double> values_;
};

TEST_F(EvaluatorTest, WeighsBatchesByTheirRows) {
  auto evaluator = *Evaluator::Create(job_, at::kLong, executor_, 2, false);
  ASSERT_TRUE(evaluator.Run(part_, "test_", [] { return false; }, &values_).ok());
  EXPECT_NEAR(values_["test_accuracy"], 0.6, 1e-12);
  const double normalizer = std::log(2 + std::exp(1.0));
  EXPECT_NEAR(values_["test_loss"], (3 * (normalizer - 1) + 2 * normalizer) / 5, 1e-6);
}

// The classifier for batches of two rows and no others.
api::IrModule ForTwoRows(int reduction) {
  api::IrModule ir = ClassifierProgram(2, 3, 3, 0.5);
  for (api::IrInput& input : *ir.mutable_inputs()) {
    input.mutable_spec()->mutable_shape(0)->set_size(2);
  }
  for (api::IrCall& call : *ir.mutable_calls()) {
    if (call.op() == "aten.cross_entropy_loss.default") {
      call.mutable_args(3)->set_int_value(reduction);
    }
  }
  return ir;
}

TEST_F(EvaluatorTest, EveryRowCountsForAProgramWithAFixedBatch) {
  const double normalizer = std::log(2 + std::exp(1.0));
  for (const bool sum : {false, true}) {
    const Plan plan = *Plan::Compile(ForTwoRows(sum ? 2 : 1), c10::Device(c10::kCPU));
    Executor executor(plan);
    executor.SetParameters(parameters_);
    if (sum) (*job_.mutable_loss()->mutable_params())["reduction"].set_string_value("sum");
    auto evaluator = *Evaluator::Create(job_, at::kLong, executor, 2, true);
    const absl::Status status = evaluator.Run(part_, "", [] { return false; }, &values_);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_NEAR(values_["accuracy"], 0.6, 1e-12);
    EXPECT_NEAR(values_["loss"], (3 * (normalizer - 1) + 2 * normalizer) / 5, 1e-6) << sum;
    // Fewer rows than one batch.
    values_.clear();
    ASSERT_TRUE(evaluator.Run(part_.Slice(2, 1), "", [] { return false; }, &values_).ok());
    EXPECT_NEAR(values_["accuracy"], 0, 1e-12);
    EXPECT_NEAR(values_["loss"], normalizer, 1e-6) << sum;
  }
}

TEST_F(EvaluatorTest, StopsBetweenBatchesAndSaysNothingOfEmptyParts) {
  auto evaluator = *Evaluator::Create(job_, at::kLong, executor_, 2, false);
  int asked = 0;
  EXPECT_TRUE(absl::IsCancelled(evaluator.Run(part_, "", [&] { return ++asked == 2; }, &values_)));
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(evaluator.Run(part_.Slice(0, 0), "", [] { return false; }, &values_).ok());
  EXPECT_TRUE(values_.empty());
}

}  // namespace
}  // namespace graphkiln::trainer
