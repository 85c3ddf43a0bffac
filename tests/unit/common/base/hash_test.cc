#include "common/base/hash.h"

#include <gtest/gtest.h>

#include <utility>

namespace graphkiln {
namespace {

TEST(Sha256, MatchesTheStandard) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, PiecesEqualTheWholeAndADigestStartsAfresh) {
  Sha256 hash;
  hash.Update("a");
  hash.Update("bc");
  Sha256 moved = std::move(hash);
  EXPECT_EQ(moved.HexDigest(), Sha256Hex("abc"));
  moved.Update("abc");
  EXPECT_EQ(moved.HexDigest(), Sha256Hex("abc"));
}

TEST(HexEncode, IsLowerCase) {
  EXPECT_EQ(HexEncode(std::string_view("\x00\xff\x1a", 3)), "00ff1a");
}

TEST(Crc32c, MatchesRfc3720AndContinues) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  const std::string text = "the quick brown fox jumps over the lazy dog";
  EXPECT_EQ(Crc32c(text.substr(11), Crc32c(text.substr(0, 11))), Crc32c(text));
}

}  // namespace
}  // namespace graphkiln
