#include "common/ir/initialize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "common/base/status_matchers.h"

namespace graphkiln::ir {
namespace {

v1::IrParameter Parameter(std::string key, std::vector<int64_t> shape) {
  v1::IrParameter p;
  p.set_key(std::move(key));
  p.mutable_spec()->set_dtype(v1::DATA_TYPE_FLOAT32);
  for (const int64_t d : shape) p.mutable_spec()->add_shape()->set_size(d);
  return p;
}

std::vector<float> Fill(const v1::IrParameter& p, uint64_t seed) {
  const auto bytes = ParameterBytes(p);
  EXPECT_TRUE(bytes.ok());
  std::vector<float> values(static_cast<size_t>(*bytes) / 4);
  EXPECT_OK(FillInitial(
      p, seed,
      absl::MakeSpan(reinterpret_cast<char*>(values.data()), static_cast<size_t>(*bytes))));
  return values;
}

TEST(Initialize, UniformHasItsBoundsAndVariance) {
  v1::IrParameter p = Parameter("w", {100, 200});
  p.mutable_init()->set_kind(v1::IrInitializer::KIND_UNIFORM);
  p.mutable_init()->set_low(-0.1);
  p.mutable_init()->set_high(0.1);
  const std::vector<float> v = Fill(p, 1);
  double sum = 0, squares = 0;
  for (const float x : v) {
    ASSERT_GE(x, -0.1f);
    ASSERT_LE(x, 0.1f);
    sum += x;
    squares += double{x} * x;
  }
  EXPECT_NEAR(sum / v.size(), 0, 0.002);
  EXPECT_NEAR(squares / v.size(), 0.2 * 0.2 / 12, 0.0001);
}

TEST(Initialize, ValuesAreTakenAsTheyAreAndCounted) {
  v1::IrParameter p = Parameter("w", {3});
  p.mutable_init()->set_kind(v1::IrInitializer::KIND_VALUES);
  for (const double v : {0.5, -2.0, 1e9}) p.mutable_init()->add_values(v);
  EXPECT_EQ(Fill(p, 1), (std::vector<float>{0.5f, -2.0f, 1e9f}));
  p.mutable_init()->add_values(1);
  std::vector<float> out(3);
  EXPECT_FALSE(
      FillInitial(p, 1, absl::MakeSpan(reinterpret_cast<char*>(out.data()), 3 * sizeof(float)))
          .ok());
}

TEST(Initialize, NormalHasItsMoments) {
  v1::IrParameter p = Parameter("w", {20000});
  p.mutable_init()->set_kind(v1::IrInitializer::KIND_NORMAL);
  p.mutable_init()->set_mean(1);
  p.mutable_init()->set_std(2);
  const std::vector<float> v = Fill(p, 1);
  double sum = 0, squares = 0;
  for (const float x : v) {
    sum += x;
    squares += (x - 1.0) * (x - 1.0);
  }
  EXPECT_NEAR(sum / v.size(), 1, 0.05);
  EXPECT_NEAR(std::sqrt(squares / v.size()), 2, 0.05);
}

TEST(Initialize, DependsOnSeedAndKeyAlone) {
  v1::IrParameter p = Parameter("a.weight", {64});
  p.mutable_init()->set_kind(v1::IrInitializer::KIND_UNIFORM);
  p.mutable_init()->set_high(1);
  const auto first = Fill(p, 7);
  EXPECT_EQ(first, Fill(p, 7));
  EXPECT_NE(first, Fill(p, 8));
  p.set_key("b.weight");
  EXPECT_NE(first, Fill(p, 7));
}

TEST(Initialize, PaddingRowIsZero) {
  v1::IrParameter p = Parameter("w", {3, 2});
  p.mutable_init()->set_kind(v1::IrInitializer::KIND_CONSTANT);
  p.mutable_init()->set_value(5);
  p.mutable_init()->set_zero_row(1);
  EXPECT_EQ(Fill(p, 0), (std::vector<float>{5, 5, 0, 0, 5, 5}));
}

TEST(Initialize, OpenAndHugeSizesAreRefused) {
  v1::IrParameter p = Parameter("w", {int64_t{1} << 40, int64_t{1} << 40});
  EXPECT_THAT(ParameterBytes(p), StatusIs(absl::StatusCode::kResourceExhausted));
  p = Parameter("w", {});
  p.mutable_spec()->add_shape()->set_symbol("B");
  EXPECT_THAT(ParameterBytes(p), StatusIs(absl::StatusCode::kInvalidArgument));
  char small[3];
  EXPECT_FALSE(FillInitial(Parameter("w", {1}), 0, absl::MakeSpan(small, 3)).ok());
}

}  // namespace
}  // namespace graphkiln::ir
