#include "services/worker/trainer/metrics.h"

#include <ATen/ATen.h>

#include <cmath>

#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

TEST(MetricsTest, AccuracyCountsHitsOverBatches) {
  auto metric = *Metric::Create("accuracy", at::kLong);
  EXPECT_TRUE(std::isnan(metric->Compute()));
  metric->Update(at::tensor({0.1f, 0.9f, 0.8f, 0.2f}).reshape({2, 2}),
                 at::tensor({int64_t{1}, int64_t{1}}, at::kLong));
  metric->Update(at::tensor({3.0f, 2.0f}).reshape({1, 2}), at::tensor({int64_t{0}}, at::kLong));
  EXPECT_NEAR(metric->Compute(), 2.0 / 3, 1e-12);
  metric->Reset();
  EXPECT_TRUE(std::isnan(metric->Compute()));
}

TEST(MetricsTest, ErrorsAreMeansOverElements) {
  const at::Tensor found = at::tensor({1.0f, 2.0f, 5.0f}).reshape({3, 1});
  const at::Tensor wanted = at::tensor({1.0f, 4.0f, 1.0f});
  auto mse = *Metric::Create("mse", at::kFloat);
  mse->Update(found, wanted);
  EXPECT_NEAR(mse->Compute(), 20.0 / 3, 1e-12);
  auto mae = *Metric::Create("mae", at::kFloat);
  mae->Update(found, wanted);
  EXPECT_NEAR(mae->Compute(), 2.0, 1e-12);
}

TEST(MetricsTest, R2IsTheSameInOnePieceOrMany) {
  const at::Tensor wanted = at::tensor({100.0f, 101.0f, 103.0f, 106.0f});
  const at::Tensor found = at::tensor({100.5f, 101.0f, 102.0f, 106.5f});
  auto whole = *Metric::Create("r2", at::kFloat);
  whole->Update(found, wanted);
  auto pieces = *Metric::Create("r2", at::kFloat);
  for (int64_t i = 0; i < 4; ++i) pieces->Update(found.narrow(0, i, 1), wanted.narrow(0, i, 1));
  const double expected = 1 - (0.25 + 0 + 1 + 0.25) / (6.25 + 2.25 + 0.25 + 12.25);
  EXPECT_NEAR(whole->Compute(), expected, 1e-9);
  EXPECT_NEAR(pieces->Compute(), expected, 1e-9);
}

TEST(MetricsTest, RefusesUnknownNamesAndTargetsOfTheWrongKind) {
  EXPECT_FALSE(Metric::Create("auc", at::kLong).ok());
  EXPECT_FALSE(Metric::Create("accuracy", at::kFloat).ok());
  EXPECT_FALSE(Metric::Create("mse", at::kLong).ok());
}

}  // namespace
}  // namespace graphkiln::trainer
