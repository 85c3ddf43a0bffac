#include "services/worker/trainer/optimizer.h"

#include <ATen/ATen.h>

#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

using ::testing::HasSubstr;

api::Component Make(const std::string& type,
                    std::initializer_list<std::pair<std::string, double>> params) {
  api::Component component;
  component.set_type(type);
  for (const auto& [name, value] : params) SetNumber(&component, name, value);
  return component;
}

at::Tensor Parameter(float value) {
  at::Tensor tensor = at::full({2}, value);
  tensor.requires_grad_(true);
  return tensor;
}

void SetGradient(const at::Tensor& parameter, float value) {
  parameter.mutable_grad() = at::full({2}, value);
}

TEST(OptimizerTest, SgdWithMomentumFollowsTheFormula) {
  const at::Tensor p = Parameter(1.0f);
  auto optimizer = *Optimizer::Create(Make("SGD", {{"lr", 0.1}, {"momentum", 0.9}}), {{"p", p}});
  EXPECT_DOUBLE_EQ(optimizer->base_rate(), 0.1);
  SetGradient(p, 1.0f);
  optimizer->Step(0.1);  // buffer 1, p = 1 - 0.1
  EXPECT_NEAR(p[0].item<double>(), 0.9, 1e-6);
  SetGradient(p, 1.0f);
  optimizer->Step(0.1);  // buffer 1.9, p = 0.9 - 0.19
  EXPECT_NEAR(p[0].item<double>(), 0.71, 1e-6);
  SetGradient(p, 0.0f);
  optimizer->Step(0.5);  // buffer 1.71, rate 0.5
  EXPECT_NEAR(p[0].item<double>(), 0.71 - 0.855, 1e-6);
}

TEST(OptimizerTest, PlainSgdHasNoMomentsAndHonoursWeightDecay) {
  const at::Tensor p = Parameter(2.0f);
  auto optimizer =
      *Optimizer::Create(Make("SGD", {{"lr", 0.1}, {"weight_decay", 0.5}}), {{"p", p}});
  SetGradient(p, 1.0f);
  optimizer->Step(0.1);
  EXPECT_NEAR(p[0].item<double>(), 2.0 - 0.1 * (1.0 + 0.5 * 2.0), 1e-6);
  ASSERT_EQ(optimizer->State().size(), 1u);
  EXPECT_EQ(optimizer->State()[0].name, "step");
}

TEST(OptimizerTest, TheFirstAdamStepMovesByTheRate) {
  const at::Tensor p = Parameter(1.0f);
  auto optimizer = *Optimizer::Create(Make("Adam", {{"lr", 0.01}}), {{"p", p}});
  SetGradient(p, -3.0f);
  optimizer->Step(0.01);
  EXPECT_NEAR(p[0].item<double>(), 1.01, 1e-6);
  EXPECT_EQ(optimizer->steps(), 1);
}

TEST(OptimizerTest, AdamWDecaysTheWeightApartFromTheGradient) {
  const at::Tensor p = Parameter(1.0f);
  auto optimizer =
      *Optimizer::Create(Make("AdamW", {{"lr", 0.01}, {"weight_decay", 0.1}}), {{"p", p}});
  SetGradient(p, 2.0f);
  optimizer->Step(0.01);
  EXPECT_NEAR(p[0].item<double>(), 1.0 * (1 - 0.01 * 0.1) - 0.01, 1e-6);
}

TEST(OptimizerTest, ParametersWithoutGradientStay) {
  const at::Tensor a = Parameter(1.0f);
  const at::Tensor b = Parameter(1.0f);
  auto optimizer =
      *Optimizer::Create(Make("Adam", {{"lr", 0.01}, {"weight_decay", 0.5}}), {{"a", a}, {"b", b}});
  SetGradient(b, 1.0f);
  optimizer->Step(0.01);
  EXPECT_EQ(a[0].item<double>(), 1.0);
  EXPECT_LT(b[0].item<double>(), 1.0);
  optimizer->ClearGradients();
  EXPECT_FALSE(b.grad().defined());
}

TEST(OptimizerTest, RestoredStateContinuesBitByBit) {
  const at::Tensor a = Parameter(1.0f);
  const at::Tensor b = Parameter(1.0f);
  const api::Component adam = Make("Adam", {{"lr", 0.01}});
  auto whole = *Optimizer::Create(adam, {{"p", a}});
  auto first = *Optimizer::Create(adam, {{"p", b}});
  for (const float g : {0.3f, -1.0f, 0.7f}) {
    SetGradient(a, g);
    whole->Step(0.01);
    SetGradient(b, g);
    first->Step(0.01);
  }
  auto second = *Optimizer::Create(adam, {{"p", b}});
  const auto from = first->State();
  const auto to = second->State();
  ASSERT_EQ(from.size(), 3u);
  EXPECT_EQ(from[0].name, "p.exp_avg");
  for (size_t i = 0; i < from.size(); ++i) {
    at::Tensor target = to[i].tensor;
    target.copy_(from[i].tensor);
  }
  SetGradient(a, 0.1f);
  whole->Step(0.01);
  SetGradient(b, 0.1f);
  second->Step(0.01);
  EXPECT_TRUE(a.equal(b));
}

TEST(OptimizerTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(std::string(Optimizer::Create(Make("LBFGS", {}), {}).status().message()),
              HasSubstr("LBFGS"));
  api::Component bad = Make("Adam", {});
  (*bad.mutable_params())["betas"].set_double_value(0.9);
  EXPECT_FALSE(Optimizer::Create(bad, {}).ok());
  api::Component nesterov = Make("SGD", {{"lr", 0.1}});
  (*nesterov.mutable_params())["nesterov"].set_bool_value(true);
  EXPECT_THAT(std::string(Optimizer::Create(nesterov, {}).status().message()),
              HasSubstr("momentum"));
}

}  // namespace
}  // namespace graphkiln::trainer
