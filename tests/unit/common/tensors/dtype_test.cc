#include "common/tensors/dtype.h"

#include <gtest/gtest.h>

namespace graphkiln::tensors {
namespace {

TEST(DType, NamesAndSizesAgree) {
  for (const auto& [name, size] : std::vector<std::pair<std::string, int64_t>>{{"F64", 8},
                                                                               {"F32", 4},
                                                                               {"F16", 2},
                                                                               {"BF16", 2},
                                                                               {"I64", 8},
                                                                               {"I32", 4},
                                                                               {"I16", 2},
                                                                               {"I8", 1},
                                                                               {"U8", 1},
                                                                               {"BOOL", 1}}) {
    const std::optional<DType> dtype = DTypeFromName(name);
    ASSERT_TRUE(dtype.has_value()) << name;
    EXPECT_EQ(DTypeSize(*dtype), size);
    EXPECT_EQ(DTypeName(*dtype), name);
  }
  EXPECT_FALSE(DTypeFromName("F8_E4M3").has_value());
}

TEST(ByteCount, RefusesNegativeSizesAndOverflow) {
  EXPECT_EQ(ByteCount(DType::kF32, {2, 3}), 24);
  EXPECT_EQ(ByteCount(DType::kF32, {}), 4);
  EXPECT_EQ(ByteCount(DType::kF32, {0, int64_t{1} << 40, int64_t{1} << 40}), 0);
  EXPECT_EQ(ByteCount(DType::kF32, {-1}), std::nullopt);
  EXPECT_EQ(ByteCount(DType::kU8, {int64_t{1} << 40, int64_t{1} << 40}), std::nullopt);
  EXPECT_EQ(ByteCount(DType::kF64, {int64_t{1} << 62}), std::nullopt);
  EXPECT_EQ(ShapeText({2, 3}), "[2, 3]");
}

}  // namespace
}  // namespace graphkiln::tensors
