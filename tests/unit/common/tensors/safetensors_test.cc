#include "common/tensors/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/status_matchers.h"

namespace graphkiln::tensors {
namespace {

using ::testing::HasSubstr;

// A file with this header and `data`, the header padded as the format asks.
std::string FileOf(std::string header, std::string_view data) {
  while (header.size() % 8 != 0) header += ' ';
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  return bytes + header + std::string(data);
}

void ExpectRefused(const std::string& bytes, const std::string& message) {
  EXPECT_THAT(SafetensorsFile::Parse(bytes),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
}

TEST(Safetensors, RoundTripKeepsEverything) {
  const std::string floats(24, '\x11');
  const std::string longs(8, '\x22');
  const std::vector<NamedTensor> tensors = {{"b.flag", {DType::kBool, {}, "\x01"}},
                                            {"fc.weight", {DType::kF32, {2, 3}, floats}},
                                            {"steps", {DType::kI64, {1}, longs}},
                                            {"none", {DType::kF16, {0, 4}, ""}}};
  ASSERT_OK_AND_ASSIGN(const std::string bytes,
                       SerializeSafetensors(tensors, {{"format", "pt"}, {"a", "ö"}}));
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, SafetensorsFile::Parse(bytes));
  ASSERT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.Find("fc.weight")->bytes, floats);
  EXPECT_EQ(file.Find("fc.weight")->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file.Find("b.flag")->dtype, DType::kBool);
  EXPECT_TRUE(file.Find("none")->bytes.empty());
  EXPECT_EQ(file.Find("missing"), nullptr);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.metadata().at("a"), "ö");
  // Larger elements first, so that every tensor is aligned; the header is padded to 8.
  EXPECT_EQ(file.tensors()[0].name, "steps");
  EXPECT_EQ((file.Find("steps")->bytes.data() - file.tensors()[0].tensor.bytes.data()) % 8, 0);
  EXPECT_EQ(static_cast<unsigned char>(bytes[0]) % 8, 0);
}

TEST(Safetensors, SameInputGivesSameBytes) {
  const std::vector<NamedTensor> tensors = {{"x", {DType::kU8, {3}, "abc"}}};
  EXPECT_EQ(SerializeSafetensors(tensors, {}).value(),
            FileOf(R"({"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", "abc"));
}

TEST(Safetensors, FileAndMemoryAreEqual) {
  ASSERT_OK_AND_ASSIGN(const std::string dir, MakeTempDir("kiln-safetensors-"));
  const std::string path = JoinPath(dir, "w.safetensors");
  const std::vector<NamedTensor> tensors = {{"x", {DType::kU8, {3}, "abc"}},
                                            {"y", {DType::kI16, {1}, "de"}}};
  ASSERT_OK(WriteSafetensors(path, tensors, {{"k", "v"}}));
  EXPECT_EQ(ReadFile(path, 1000).value(), SerializeSafetensors(tensors, {{"k", "v"}}).value());
  ASSERT_OK_AND_ASSIGN(SafetensorsFile file, SafetensorsFile::Open(path));
  ASSERT_OK(RemoveTree(dir));
  const SafetensorsFile copy = file;  // copies share the mapping
  file = SafetensorsFile::Parse(FileOf("{}", "")).value();
  EXPECT_EQ(copy.Find("x")->bytes, "abc");
  EXPECT_THAT(SafetensorsFile::Open(path), StatusIs(absl::StatusCode::kNotFound));
}

TEST(Safetensors, WriterRefusesWhatReadersWould) {
  const auto refused = [](std::vector<NamedTensor> tensors) {
    return SerializeSafetensors(tensors, {}).status();
  };
  EXPECT_THAT(refused({{"x", {DType::kF32, {2}, "abc"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cannot have 3 bytes")));
  EXPECT_THAT(refused({{"x", {DType::kU8, {1}, "a"}}, {"x", {DType::kU8, {1}, "a"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("used twice")));
  EXPECT_THAT(refused({{"__metadata__", {DType::kU8, {1}, "a"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(refused({{"\xff", {DType::kU8, {1}, "a"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
}

TEST(SafetensorsHostile, LengthsAreChecked) {
  ExpectRefused("", "only 0 bytes");
  ExpectRefused(std::string(8, '\xff'), "beyond the format's limit");
  ExpectRefused(std::string("\x10\0\0\0\0\0\0\0{}", 10), "cut short");
  ExpectRefused(FileOf("[]", ""), "no JSON map");
  ExpectRefused(FileOf("{\"x\": ", ""), "safetensors header");
  ExpectRefused(FileOf("{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}", ""),
                "nested more than");
}

TEST(SafetensorsHostile, TensorsAreChecked) {
  const auto header = [](std::string_view x) { return "{\"x\":" + std::string(x) + "}"; };
  ExpectRefused(FileOf(header("1"), ""), "expected a map");
  ExpectRefused(FileOf(header(R"({"shape":[1],"data_offsets":[0,1]})"), "a"), "no dtype");
  ExpectRefused(FileOf(header(R"({"dtype":"F8","shape":[1],"data_offsets":[0,1]})"), "a"),
                "unsupported dtype \"F8\"");
  ExpectRefused(FileOf(header(R"({"dtype":"U8","shape":[-1],"data_offsets":[0,1]})"), "a"),
                "whole numbers from 0");
  ExpectRefused(FileOf(header(R"({"dtype":"U8","shape":[1],"data_offsets":[0,2]})"), "ab"),
                "cannot have 2 bytes");
  ExpectRefused(FileOf(header(R"({"dtype":"U8","shape":[1],"data_offsets":[1,0]})"), "a"),
                "outside");
  ExpectRefused(FileOf(header(R"({"dtype":"U8","shape":[9],"data_offsets":[0,9]})"), "a"),
                "outside");
  ExpectRefused(FileOf(header(R"({"dtype":"U8","shape":[1],"data_offsets":[0,1,2]})"), "a"),
                "outside");
  ExpectRefused(
      FileOf(header(R"({"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]})"), ""),
      "cannot have 0 bytes");
  ExpectRefused(FileOf(R"({"__metadata__":{"a":1}})", ""), "expected a string");
}

TEST(SafetensorsHostile, OverlapsGapsAndRestsAreRefused) {
  const std::string a = R"("a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]})";
  const auto with = [&](const std::string& b) { return "{" + a + "," + b + "}"; };
  ExpectRefused(FileOf(with(R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]})"), "abc"),
                "neither overlap nor leave gaps");
  ExpectRefused(FileOf(with(R"("b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]})"), "abcd"),
                "neither overlap nor leave gaps");
  ExpectRefused(FileOf("{" + a + "}", "abc"), "end at byte 2 of 3");
  ExpectRefused(FileOf(with(a), "ab"), "duplicate key \"a\"");
}

}  // namespace
}  // namespace graphkiln::tensors
