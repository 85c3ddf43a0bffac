// A size computed for an open input and then evaluated is the size computed for that input. Fixed
// sizes are compared with PyTorch's by tests/parity/op_calls_test.py.
#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string_view>

#include "common/ir/call_builder.h"
#include "common/ir/op_def.h"
#include "common/ir/type_context.h"

namespace graphkiln::ir {
namespace {

// The last dimension of the first result; nothing where the call is refused.
std::optional<Dim> LastSize(std::string_view op, const Dim& size,
                            const std::vector<Argument>& rest) {
  Module module;
  const ValueId x = module.AddValue({ValueKind::kTensor, {v1::DATA_TYPE_FLOAT32, {2, 3, size}}});
  std::vector<Argument> args = {x};
  args.insert(args.end(), rest.begin(), rest.end());
  OpError error;
  const auto outputs = AppendCall(module, *FindOp(op), std::move(args), -1, &error);
  if (!outputs.ok()) return std::nullopt;
  return module.type(outputs->front()).dim(-1);
}

void ExpectSameSize(std::string_view op, int64_t size, const std::vector<Argument>& rest) {
  const auto fixed = LastSize(op, Dim(size), rest);
  if (!fixed) return;
  const auto open = LastSize(op, Dim::Symbol("L"), rest);
  ASSERT_TRUE(open) << op;
  const auto value = open->Evaluate([&](std::string_view) { return size; });
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(*value, fixed->value()) << op << " of " << size << ": " << open->ToString();
}

TEST(OpenSizes, PoolsAgreeWithFixedSizes) {
  std::mt19937 random(3);
  int rounded_up = 0;
  for (int round = 0; round < 2000; ++round) {
    const auto draw = [&](int low, int high) {
      return static_cast<int64_t>(
          low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1)));
    };
    const int64_t kernel = draw(1, 5);
    const int64_t stride = draw(1, 7);
    const int64_t padding = draw(0, static_cast<int>(kernel / 2));
    const bool ceil = draw(0, 1) == 1;
    rounded_up += ceil && stride > kernel;
    const int64_t size = draw(1, 20);
    ExpectSameSize("aten.max_pool1d.default", size, {kernel, stride, padding, draw(1, 3), ceil});
    ExpectSameSize("aten.avg_pool1d.default", size, {kernel, stride, padding, ceil});
  }
  EXPECT_GT(rounded_up, 100);
}

// PyTorch: the last window starts inside of the input, so that one element gives one result.
TEST(OpenSizes, RoundingUpStopsAtTheEndOfTheInput) {
  const std::vector<Argument> args = {1, 3, 0, 1, true};
  EXPECT_EQ(*LastSize("aten.max_pool1d.default", Dim(3), args), Dim(1));
  EXPECT_EQ(*LastSize("aten.max_pool1d.default", Dim(4), args), Dim(2));
  EXPECT_EQ(LastSize("aten.max_pool1d.default", Dim::Symbol("L"), args)->ToString(), "(L+2)//3");
}

TEST(OpenSizes, ResizingAgreesWithFixedSizes) {
  for (const double factor : {0.5, 0.25, 1.5, 2.0, 2.75, 0.0009765625}) {
    for (int64_t size = 1; size < 3000; size += 7) {
      ExpectSameSize("aten.upsample_nearest1d.vec", size, {Argument(), Argument::List{factor}});
    }
  }
}

TEST(OpenSizes, SomeFactorsHaveNoExpression) {
  EXPECT_EQ(FloorScale(Dim::Symbol("L"), 1.3), std::nullopt);
  EXPECT_EQ(FloorScale(Dim::Symbol("L"), 1e12), std::nullopt);
  EXPECT_EQ(FloorScale(Dim(10), 1.3)->value(), 13);
  EXPECT_EQ(FloorScale(Dim(7), 0.3)->value(), 2);
  EXPECT_EQ(FloorScale(Dim(int64_t{1} << 40), 1e30)->value(), Dim::kSaturated);
}

}  // namespace
}  // namespace graphkiln::ir
