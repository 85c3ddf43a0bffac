#include "common/tensors/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/status_matchers.h"

namespace graphkiln::tensors {
namespace {

using ::testing::HasSubstr;

std::string FileOf(const std::string& header, std::string_view data, int major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(major);
  bytes += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) {
    bytes += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  }
  return bytes + header + std::string(data);
}

std::string Dict(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }  \n";
}

void ExpectRefused(const std::string& bytes, const std::string& message) {
  EXPECT_THAT(NpyArray::Parse(bytes),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
}

TEST(Npy, ReadsEachVersionAndShape) {
  for (const int major : {1, 2, 3}) {
    ASSERT_OK_AND_ASSIGN(const NpyArray array,
                         NpyArray::Parse(FileOf(Dict("|u1", "False", "(2, 3)"), "abcdef", major)));
    EXPECT_EQ(array.tensor().dtype, DType::kU8);
    EXPECT_EQ(array.tensor().shape, (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(array.tensor().bytes, "abcdef");
  }
  EXPECT_TRUE(NpyArray::Parse(FileOf(Dict("<f4", "False", "()"), "abcd"))->tensor().shape.empty());
  EXPECT_EQ(NpyArray::Parse(FileOf(Dict("<i2", "False", "(1,)"), "ab"))->tensor().dtype,
            DType::kI16);
  EXPECT_EQ(NpyArray::Parse(FileOf(Dict("<f8", "True", "(0, 5)"), ""))->tensor().bytes, "");
}

TEST(Npy, FortranOrderIsBroughtIntoRowOrder) {
  // [[a, b, c], [d, e, f]] column by column.
  ASSERT_OK_AND_ASSIGN(const NpyArray flat,
                       NpyArray::Parse(FileOf(Dict("|u1", "True", "(2, 3)"), "adbecf")));
  EXPECT_EQ(flat.tensor().bytes, "abcdef");
  // x[i][j][k] of shape (2, 2, 2) with two bytes each, written with i fastest.
  ASSERT_OK_AND_ASSIGN(const NpyArray deep, NpyArray::Parse(FileOf(Dict("<i2", "True", "(2, 2, 2)"),
                                                                   "aaeeccggbbffddhh")));
  EXPECT_EQ(deep.tensor().bytes, "aabbccddeeffgghh");
}

TEST(NpyHostile, IsRefusedWithTheReason) {
  ExpectRefused("", "not a .npy file");
  ExpectRefused("PK\x03\x04xxxxxxxxxxx", "not a .npy file");
  ExpectRefused(FileOf(Dict("|O", "False", "(1,)"), "xxxxxxxx"), "execute a pickle");
  ExpectRefused(FileOf(Dict(">f4", "False", "(1,)"), "abcd"), "big-endian");
  ExpectRefused(FileOf(Dict("<c8", "False", "(1,)"), "abcdefgh"), "not supported");
  ExpectRefused(FileOf(Dict("<f4", "False", "(2,)"), "abcd"), "cannot have 4 bytes");
  ExpectRefused(FileOf(Dict("<f4", "False", "(4294967296, 4294967296)"), ""), "cannot have");
  ExpectRefused(FileOf(Dict("<f4", "False", "(99999999999999999999,)"), ""), "malformed");
  ExpectRefused(FileOf(Dict("<f4", "False", "(-1,)"), ""), "malformed");
  ExpectRefused(FileOf("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", ""),
                "named fields");
  ExpectRefused(FileOf("{'descr': '<f4', 'shape': ()}", "abcd"), "malformed");
  ExpectRefused(FileOf("{'descr': '<f4", ""), "malformed");
  ExpectRefused(FileOf("__import__('os')", ""), "malformed");
  ExpectRefused(std::string("\x93NUMPY\x01\x00\xff\xff{", 11), "cut short");
  ExpectRefused(FileOf(Dict("<f4", "False", "()"), "abcd", 9), "version 9");
  std::string deep = "(";
  for (int i = 0; i < 100; ++i) deep += "1, ";
  ExpectRefused(FileOf(Dict("|u1", "False", deep + ")"), "a"), "malformed");
}

TEST(Npy, OpenNamesTheFile) {
  ASSERT_OK_AND_ASSIGN(const std::string dir, MakeTempDir("kiln-npy-"));
  ASSERT_OK(WriteFileAtomic(JoinPath(dir, "x.npy"), FileOf(Dict("|i1", "False", "(3,)"), "abc")));
  EXPECT_EQ(NpyArray::Open(JoinPath(dir, "x.npy"))->tensor().bytes, "abc");
  ASSERT_OK(WriteFileAtomic(JoinPath(dir, "bad.npy"), "hello world"));
  EXPECT_THAT(NpyArray::Open(JoinPath(dir, "bad.npy")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bad.npy: not a .npy")));
  EXPECT_OK(RemoveTree(dir));
}

}  // namespace
}  // namespace graphkiln::tensors
