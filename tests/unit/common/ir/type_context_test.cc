#include "common/ir/type_context.h"

#include <gtest/gtest.h>

namespace graphkiln::ir {
namespace {

TEST(Broadcast, FollowsPyTorch) {
  const Dim b = Dim::Symbol("B");
  EXPECT_EQ(*Broadcast({b, 3}, {3}), (Shape{b, 3}));
  EXPECT_EQ(*Broadcast({b, 1}, {1, 5}), (Shape{b, 5}));
  EXPECT_EQ(*Broadcast({}, {2}), (Shape{2}));
  EXPECT_FALSE(Broadcast({2}, {3}).has_value());
  EXPECT_FALSE(Broadcast({b}, {4}).has_value());  // B may be anything
}

// Values of torch.promote_types.
TEST(Promote, FollowsPyTorch) {
  EXPECT_EQ(Promote(v1::DATA_TYPE_INT64, v1::DATA_TYPE_FLOAT16), v1::DATA_TYPE_FLOAT16);
  EXPECT_EQ(Promote(v1::DATA_TYPE_FLOAT16, v1::DATA_TYPE_BFLOAT16), v1::DATA_TYPE_FLOAT32);
  EXPECT_EQ(Promote(v1::DATA_TYPE_UINT8, v1::DATA_TYPE_INT8), v1::DATA_TYPE_INT16);
  EXPECT_EQ(Promote(v1::DATA_TYPE_BOOL, v1::DATA_TYPE_INT32), v1::DATA_TYPE_INT32);
  EXPECT_EQ(Promote(v1::DATA_TYPE_FLOAT32, v1::DATA_TYPE_FLOAT64), v1::DATA_TYPE_FLOAT64);
  EXPECT_EQ(Promote(v1::DATA_TYPE_COMPLEX64, v1::DATA_TYPE_FLOAT64), v1::DATA_TYPE_COMPLEX128);
}

}  // namespace
}  // namespace graphkiln::ir
