#include "common/ir/types.h"

#include <gtest/gtest.h>

#include "common/base/status_matchers.h"

namespace graphkiln::ir {
namespace {

TEST(Types, NamesOfElementTypes) {
  EXPECT_EQ(ParseDType("torch.float32"), v1::DATA_TYPE_FLOAT32);
  EXPECT_EQ(ParseDType("long"), v1::DATA_TYPE_INT64);
  EXPECT_EQ(ParseDType("nonsense"), v1::DATA_TYPE_UNSPECIFIED);
  EXPECT_EQ(DTypeName(v1::DATA_TYPE_BFLOAT16), "bfloat16");
  EXPECT_EQ(DTypeBytes(v1::DATA_TYPE_COMPLEX128), 16);
}

TEST(Types, ProtoRoundTrip) {
  const TensorType type{v1::DATA_TYPE_INT64, {Dim::Symbol("B"), 3, Dim::Symbol("T").FloorDiv(2)}};
  ASSERT_OK_AND_ASSIGN(const TensorType back, FromProto(ToProto(type)));
  EXPECT_EQ(back, type);
  EXPECT_EQ(TypeText(type), "int64[B, 3, T//2]");
}

TEST(Types, BadSpecsAreRefused) {
  v1::TensorSpec spec;
  spec.add_shape()->set_size(-1);
  EXPECT_FALSE(FromProto(spec).ok());
  spec.clear_shape();
  spec.add_shape()->set_symbol("B;rm");
  EXPECT_FALSE(FromProto(spec).ok());
  spec.clear_shape();
  for (int i = 0; i < 65; ++i) spec.add_shape()->set_size(1);
  EXPECT_FALSE(FromProto(spec).ok());
  spec.clear_shape();
  spec.add_shape();
  EXPECT_FALSE(FromProto(spec).ok());
}

}  // namespace
}  // namespace graphkiln::ir
