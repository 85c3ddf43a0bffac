#include "common/tensors/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/status_matchers.h"

namespace graphkiln::tensors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// All records, or the message of the first error as the only field of the last.
std::vector<std::vector<std::string>> ReadAll(const std::string& text, CsvOptions options = {}) {
  std::vector<std::vector<std::string>> rows;
  absl::StatusOr<CsvReader> reader = CsvReader::FromText(text, "f.csv", options);
  if (!reader.ok()) return {{std::string(MessageOf(reader.status()))}};
  rows.push_back(reader->columns());
  while (true) {
    const absl::StatusOr<bool> more = reader->Next();
    if (!more.ok()) rows.push_back({std::string(MessageOf(more.status()))});
    if (!more.ok() || !*more) return rows;
    rows.emplace_back(reader->fields().begin(), reader->fields().end());
  }
}

std::string ErrorOf(const std::string& text, CsvOptions options = {}) {
  return ReadAll(text, options).back().front();
}

TEST(CsvReader, FollowsRfc4180) {
  EXPECT_THAT(ReadAll("a,b\n1,2\n3,4\n"),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("1", "2"), ElementsAre("3", "4")));
  EXPECT_THAT(ReadAll("a,b\r\n1,2\r\n\r\n3,"),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("1", "2"), ElementsAre("3", "")));
  EXPECT_THAT(ReadAll("a,b\n\"x, \"\"y\"\"\nz\",\"\"\n"),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("x, \"y\"\nz", "")));
  EXPECT_THAT(ReadAll("\xef\xbb\xbf"
                      "a,b"),
              ElementsAre(ElementsAre("a", "b")));
  EXPECT_THAT(ReadAll(",a\n0,1\n"), ElementsAre(ElementsAre("", "a"), ElementsAre("0", "1")));
  EXPECT_THAT(ReadAll("a;b\n1,5;2", {.delimiter = ';'}),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("1,5", "2")));
}

TEST(CsvReader, ErrorsNameLineAndColumn) {
  EXPECT_EQ(ErrorOf(""), "f.csv:1:1: the file is empty, expected a header line with column names");
  EXPECT_EQ(ErrorOf("a,b,a\n"), "f.csv:1:5: the column name \"a\" stands twice");
  EXPECT_EQ(ErrorOf("a,b\n1,2\n1\n"), "f.csv:3:1: expected 2 fields as in the header, found 1");
  EXPECT_EQ(ErrorOf("a,b\n1,2,3\n"), "f.csv:2:5: expected 2 fields as in the header, found 3");
  EXPECT_EQ(ErrorOf("a,b\n\"x\ny\",z\n1,2\"\n"),
            "f.csv:4:4: a quote inside a field that is not quoted");
  EXPECT_EQ(ErrorOf("a,b\n1,\"2"), "f.csv:2:3: the quoted field is not closed");
  EXPECT_EQ(ErrorOf("a,b\n\"1\"x,2"),
            "f.csv:2:4: expected \",\" or the end of the line after the closing quote");
  EXPECT_EQ(ErrorOf(std::string("a,b\n1,2\0", 8)),
            "f.csv:2:4: the file holds a zero byte; is it text?");
  EXPECT_EQ(ErrorOf("a,\xff\n"), "f.csv:1:3: the column name is not valid UTF-8");
}

TEST(CsvReader, LimitsNameTheLine) {
  EXPECT_EQ(ErrorOf("a\n1\n" + std::string(100, 'x') + "\n", {.max_line_bytes = 64}),
            "f.csv:3:1: the line is longer than 64 B");
  EXPECT_EQ(ErrorOf("a\n\"1\n2\n3\n" + std::string(100, 'x'), {.max_line_bytes = 64}),
            "f.csv:2:1: the line is longer than 64 B; is a quote not closed?");
  EXPECT_EQ(ErrorOf("a,b,c\n", {.max_columns = 2}), "f.csv:1:5: the line has more than 2 fields");
  EXPECT_EQ(ErrorOf("a\n1\n2\n3\n", {.max_rows = 2}), "f.csv:4:1: the file has more than 2 rows");
}

TEST(CsvReader, StreamsFilesLargerThanItsBuffer) {
  ASSERT_OK_AND_ASSIGN(const std::string dir, MakeTempDir("kiln-csv-"));
  const std::string path = JoinPath(dir, "x.csv");
  std::string text = "id,text\n";
  constexpr int kRows = 60'000;
  for (int i = 0; i < kRows; ++i)
    text += std::to_string(i) + ",\"v, " + std::to_string(i * 7) + "\"\n";
  ASSERT_OK(WriteFileAtomic(path, text));
  ASSERT_OK_AND_ASSIGN(CsvReader reader, CsvReader::Open(path, {}));
  for (int i = 0; i < kRows; ++i) {
    ASSERT_TRUE(reader.Next().value());
    ASSERT_EQ(reader.fields()[0], std::to_string(i));
    ASSERT_EQ(reader.fields()[1], "v, " + std::to_string(i * 7));
    ASSERT_EQ(reader.PositionOf(0).line, static_cast<uint64_t>(i) + 2);
  }
  EXPECT_FALSE(reader.Next().value());
  EXPECT_OK(RemoveTree(dir));
}

TEST(CsvReader, OneEndlessLineIsRefusedInBoundedMemory) {
  // 20 MB without a line break, through a file.
  ASSERT_OK_AND_ASSIGN(const std::string dir, MakeTempDir("kiln-csv-"));
  ASSERT_OK(WriteFileAtomic(JoinPath(dir, "x.csv"), "a\n" + std::string(20 << 20, '1')));
  ASSERT_OK_AND_ASSIGN(CsvReader reader, CsvReader::Open(JoinPath(dir, "x.csv"), {}));
  EXPECT_THAT(reader.Next(), StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("x.csv:2:1: the line is longer than 1 MiB")));
  EXPECT_THAT(CsvReader::Open(JoinPath(dir, "no.csv"), {}), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(CsvReader::Open(dir, {}).ok());
  EXPECT_OK(RemoveTree(dir));
}

}  // namespace
}  // namespace graphkiln::tensors
