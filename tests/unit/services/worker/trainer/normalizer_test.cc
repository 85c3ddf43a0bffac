#include "services/worker/trainer/normalizer.h"

#include <ATen/ATen.h>

#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

at::Tensor Rows() { return at::tensor({1.0f, 10.0f, 5.0f, 3.0f, 30.0f, 5.0f}).reshape({2, 3}); }

TEST(NormalizerTest, StandardUsesThePopulationDeviationAndSparesConstants) {
  const auto normalizer = Normalizer::Fit(api::NORMALIZATION_STANDARD, {"x"}, {Rows()});
  ASSERT_EQ(normalizer.columns().size(), 1u);
  EXPECT_EQ(normalizer.columns()[0].offset, (std::vector<double>{2, 20, 5}));
  EXPECT_EQ(normalizer.columns()[0].scale, (std::vector<double>{1, 10, 1}));
  std::vector<at::Tensor> inputs = {Rows()};
  normalizer.Apply({"x"}, inputs);
  EXPECT_TRUE(inputs[0].equal(at::tensor({-1.0f, -1.0f, 0.0f, 1.0f, 1.0f, 0.0f}).reshape({2, 3})));
}

TEST(NormalizerTest, MinmaxMapsTheTrainingRangeToUnit) {
  const auto normalizer = Normalizer::Fit(api::NORMALIZATION_MINMAX, {"x"}, {Rows()});
  std::vector<at::Tensor> inputs = {at::tensor({2.0f, 50.0f, 5.0f}).reshape({1, 3})};
  normalizer.Apply({"x"}, inputs);
  EXPECT_TRUE(inputs[0].allclose(at::tensor({0.5f, 2.0f, 0.0f}).reshape({1, 3})));
}

TEST(NormalizerTest, LeavesWholeNumbersAndOtherInputsAlone) {
  const auto normalizer =
      Normalizer::Fit(api::NORMALIZATION_STANDARD, {"ids"}, {at::ones({2, 2}, at::kLong)});
  EXPECT_TRUE(normalizer.columns().empty());
  EXPECT_TRUE(Normalizer::Fit(api::NORMALIZATION_NONE, {"x"}, {Rows()}).columns().empty());
}

TEST(NormalizerTest, SurvivesJsonExactly) {
  const at::Tensor rows = at::tensor({0.1f, 0.7f, 0.3f}).reshape({3, 1});
  const auto normalizer = Normalizer::Fit(api::NORMALIZATION_STANDARD, {"x"}, {rows});
  const auto copy = Normalizer::FromJson(nlohmann::ordered_json::parse(normalizer.ToJson().dump()));
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(copy->columns()[0].offset, normalizer.columns()[0].offset);
  EXPECT_EQ(copy->columns()[0].scale, normalizer.columns()[0].scale);
  EXPECT_FALSE(Normalizer::FromJson(nlohmann::ordered_json::parse(R"([{"input": 3}])")).ok());
}

}  // namespace
}  // namespace graphkiln::trainer
