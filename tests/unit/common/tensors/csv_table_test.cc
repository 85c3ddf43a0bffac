#include "common/tensors/csv_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "common/base/status_matchers.h"

namespace graphkiln::tensors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<CsvTable> Read(const std::string& text, const CsvRequest& request,
                              CsvOptions options = {}) {
  ASSIGN_OR_RETURN(CsvReader reader, CsvReader::FromText(text, "f.csv", options));
  return ReadCsv(std::move(reader), "f.csv", request, options);
}

CsvRequest Columns(std::vector<std::string> columns, DType dtype = DType::kF32) {
  CsvRequest request;
  request.groups = {{std::move(columns), dtype}};
  return request;
}

CsvRequest Classes(std::string column) {
  CsvRequest request;
  request.classes = {std::move(column)};
  return request;
}

std::string ErrorOf(const std::string& text, const CsvRequest& request) {
  const absl::StatusOr<CsvTable> table = Read(text, request);
  EXPECT_THAT(table, StatusIs(absl::StatusCode::kInvalidArgument));
  return std::string(MessageOf(table.status()));
}

TEST(SelectColumns, NamesAndGlobsInOrderEachOnce) {
  const std::vector<std::string> header = {"", "sepal_l", "petal_l", "sepal_w", "label", "a*"};
  const auto select = [&](std::vector<std::string> patterns,
                          std::vector<std::string> no_glob = {}) {
    return SelectColumns(header, patterns, no_glob).value();
  };
  EXPECT_THAT(select({"sepal*", "petal*"}), ElementsAre(1, 3, 2));
  EXPECT_THAT(select({"petal_l", "*_l"}), ElementsAre(2, 1));
  EXPECT_THAT(select({"*"}, {"label"}), ElementsAre(1, 2, 3, 5));
  EXPECT_THAT(select({"label", "*_w"}, {"label"}), ElementsAre(4, 3));
  EXPECT_THAT(select({"a*"}), ElementsAre(5));  // an exact name beats the glob
  EXPECT_THAT(SelectColumns(header, {"sepal_x"}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("did you mean \"sepal_l\"?")));
  EXPECT_THAT(SelectColumns(header, {"x*"}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no column matches \"x*\"")));
}

TEST(SelectColumns, AnotherSeparatorIsNamed) {
  const auto error = [](std::vector<std::string> header, const std::string& pattern) {
    return std::string(MessageOf(SelectColumns(header, {pattern}, {}).status()));
  };
  const char* hint = "; the file seems to be separated by semicolons, it must be by commas";
  EXPECT_EQ(error({"a;b;label"}, "a"), std::string("there is no column \"a\"") + hint);
  EXPECT_EQ(error({"a;b;label"}, "z*"), std::string("no column matches \"z*\"") + hint);
  EXPECT_THAT(error({"a\tb"}, "a"), HasSubstr("separated by tabs"));
  EXPECT_EQ(error({"a;b", "c"}, "z"), "there is no column \"z\"");
}

TEST(ReadCsv, AllBadCellsAreTold) {
  CsvRequest request = Columns({"a", "b"});
  request.classes = {"k"};
  EXPECT_EQ(ErrorOf("a,b,k\n1,x,u\n,2,v\n3,4,\n", request),
            "f.csv:2:3: column \"b\": expected a number, found \"x\"; more bad cells at 3:1, 4:5; "
            "3 in all");
  std::string many = "a,b,k\n";
  for (int i = 0; i < 30; ++i) many += "1,x,u\n";
  EXPECT_THAT(ErrorOf(many, request), testing::EndsWith("10:3, 11:3, ...; 30 in all"));
}

TEST(ReadCsv, LabelsThatCountFromOneHaveAHint) {
  const auto hint = [](const std::string& text) {
    return FirstClassHint(Read(text, Classes("k"))->classes[0]);
  };
  EXPECT_EQ(hint("k\n2\n1\n"), "; class labels that are numbers start at 0, these start at 1");
  EXPECT_EQ(hint("k\n2\n0\n"), "");
  EXPECT_EQ(hint("k\nb\na\n"), "");
}

TEST(ReadCsv, CanBeInterrupted) {
  CsvOptions options;
  int asked = 0;
  options.interrupted = [&] { return ++asked == 2; };
  std::string text = "a\n";
  for (int i = 0; i < 300'000; ++i) text += "1\n";
  EXPECT_THAT(Read(text, Columns({"a"}), options), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(asked, 2);
}

TEST(ReadCsv, GroupsAndClassesInOnePass) {
  CsvRequest request;
  request.groups = {{{"a", "b"}}, {{"n"}, DType::kI64}};
  request.classes = {"kind"};
  ASSERT_OK_AND_ASSIGN(const CsvTable table, Read("b,kind,a,n\n"
                                                  "1.5,rose, +2 ,7\n"
                                                  "-1e2,iris,.5,-3\n"
                                                  "3,rose,4,5.0\n",
                                                  request));
  EXPECT_EQ(table.rows, 3);
  EXPECT_THAT(table.groups[0].columns, ElementsAre("a", "b"));
  EXPECT_THAT(table.groups[0].floats, ElementsAre(2.0f, 1.5f, 0.5f, -100.0f, 4.0f, 3.0f));
  EXPECT_THAT(table.groups[1].ints, ElementsAre(7, -3, 5));
  EXPECT_THAT(table.classes[0].values, ElementsAre(1, 0, 1));
  EXPECT_THAT(table.classes[0].names, ElementsAre("iris", "rose"));
  EXPECT_EQ(table.classes[0].largest, 1);
  EXPECT_EQ(table.classes[0].largest_position.line, 2u);
  EXPECT_EQ(table.classes[0].largest_position.column, 5u);
}

TEST(ReadCsv, WholeLabelsAreIndicesThemselves) {
  ASSERT_OK_AND_ASSIGN(const CsvTable table, Read("y\n2\n0\n10\n2\n", Classes("y")));
  EXPECT_THAT(table.classes[0].values, ElementsAre(2, 0, 10, 2));
  EXPECT_TRUE(table.classes[0].names.empty());
  EXPECT_EQ(table.classes[0].largest, 10);
  EXPECT_EQ(table.classes[0].largest_position.line, 4u);
  EXPECT_THAT(Read("y\n1.0\n0.0\n", Classes("y"))->classes[0].values, ElementsAre(1, 0));
  // One text among numbers makes all of them texts.
  EXPECT_THAT(Read("y\n2\n10\nx\n", Classes("y"))->classes[0].names, ElementsAre("10", "2", "x"));
}

TEST(ReadCsv, BadCellsAreNamed) {
  EXPECT_EQ(ErrorOf("a,b\n1,2\n3,x1\n", Columns({"b"})),
            "f.csv:3:3: column \"b\": expected a number, found \"x1\"");
  EXPECT_EQ(ErrorOf("a,b\n1,\n", Columns({"b"})),
            "f.csv:2:3: column \"b\": expected a number, found an empty cell");
  EXPECT_EQ(ErrorOf("a,b\n1,NaN\n", Columns({"b"})),
            "f.csv:2:3: column \"b\": expected a finite number, found \"NaN\"");
  EXPECT_EQ(ErrorOf("a,b\n-inf,1\n", Columns({"a"})),
            "f.csv:2:1: column \"a\": expected a finite number, found \"-inf\"");
  EXPECT_EQ(ErrorOf("a\n1e39\n", Columns({"a"})),
            "f.csv:2:1: column \"a\": expected a number that float32 can hold, found \"1e39\"");
  EXPECT_THAT(ErrorOf("a\n1e999\n", Columns({"a"})), HasSubstr("float32 can hold"));
  EXPECT_EQ(ErrorOf("a\n1.5\n", Columns({"a"}, DType::kI64)),
            "f.csv:2:1: column \"a\": expected a whole number, found \"1.5\"");
  EXPECT_THAT(ErrorOf("a\n99999999999999999999\n", Columns({"a"}, DType::kI64)),
              HasSubstr("expected a whole number"));
  EXPECT_THAT(ErrorOf("a\n0x10\n", Columns({"a"})), HasSubstr("expected a number"));
  EXPECT_THAT(ErrorOf("a\n+-1\n", Columns({"a"})), HasSubstr("expected a number"));
}

TEST(ReadCsv, BadLabelsAreNamed) {
  EXPECT_EQ(ErrorOf("y\n0\n-1\n", Classes("y")),
            "f.csv:3:1: column \"y\": a class label cannot be negative, found -1");
  EXPECT_THAT(ErrorOf("x,y\n1,a\n1,\n", Classes("y")), HasSubstr("f.csv:3:3: "));
  EXPECT_THAT(ErrorOf("y\na\nNaN\n", Classes("y")), HasSubstr("not a missing value"));
  CsvOptions options;
  options.max_classes = 2;
  EXPECT_THAT(Read("y\na\nb\nc\n", Classes("y"), options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than 2 different")));
}

TEST(ReadCsv, MissingColumnsAndRowsAreNamed) {
  EXPECT_EQ(ErrorOf("sepal,label\n1,2\n", Columns({"sepl"})),
            "f.csv:1:1: there is no column \"sepl\"; did you mean \"sepal\"?");
  EXPECT_EQ(ErrorOf("sepal,label\n1,2\n", Classes("labl")),
            "f.csv:1:1: there is no column \"labl\"; did you mean \"label\"?");
  EXPECT_EQ(ErrorOf("a,b\n", Columns({"a"})), "f.csv:1:1: the file has a header but no rows");
}

TEST(ReadCsv, ValuesAreBounded) {
  CsvOptions options;
  options.max_values = 3;
  EXPECT_THAT(
      Read("a,b\n1,2\n3,4\n", Columns({"a", "b"}), options),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("f.csv:3:1: more than 3 values")));
}

TEST(ReadCsv, TinyNumbersRoundAndNonFiniteOnesPassWhenAllowed) {
  EXPECT_THAT(Read("a\n1e-999\n1e-60\n", Columns({"a"}))->groups[0].floats,
              ElementsAre(0.0f, 0.0f));
  CsvRequest request = Columns({"a"});
  request.allow_non_finite = true;
  EXPECT_THAT(Read("a\ninf\n", request)->groups[0].floats,
              ElementsAre(std::numeric_limits<float>::infinity()));
}

}  // namespace
}  // namespace graphkiln::tensors
