#include "services/worker/trainer/table.h"

#include <ATen/ATen.h>

#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

using ::testing::HasSubstr;

class TableTest : public ::testing::Test {
 protected:
  TableTest() {
    request_.spec = &spec_;
    request_.inputs = {{"x", at::kFloat, {ir::Dim::Symbol("B"), 2}}};
    request_.target = {"target", at::kLong, {ir::Dim::Symbol("B")}};
    request_.classes = 3;
    request_.seed = 4;
    spec_.mutable_csv()->set_path("data.csv");
    spec_.set_target("label");
  }

  absl::StatusOr<Table> LoadCsv(const std::string& text) {
    EXPECT_TRUE(WriteFileAtomic(dir_.file("cached-bytes"), text).ok());
    return LoadTable(request_, dir_.file("cached-bytes"));
  }
  std::string CsvError(const std::string& text) {
    const auto table = LoadCsv(text);
    EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(table.status().message());
  }

  TempDir dir_;
  api::DataSpec spec_;
  TableRequest request_;
};

TEST_F(TableTest, CsvColumnsBecomeInputsAndTarget) {
  const auto table = LoadCsv("a,label,b\n1,0,2\n3,2,4\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->rows, 2);
  EXPECT_TRUE(table->inputs[0].equal(at::tensor({1.0f, 2.0f, 3.0f, 4.0f}).reshape({2, 2})))
      << "all columns but the target, in the file's order";
  EXPECT_TRUE(table->target.equal(at::tensor({int64_t{0}, int64_t{2}}, at::kLong)));
}

TEST_F(TableTest, NamedColumnsAndImagesAreReshaped) {
  request_.inputs = {{"x", at::kFloat, {ir::Dim::Symbol("B"), 1, 2, 2}}};
  (*spec_.mutable_inputs())["x"].add_columns("p*");
  const auto table = LoadCsv("p0,p1,p2,p3,other,label\n1,2,3,4,9,1\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->inputs[0].sizes(), at::IntArrayRef({1, 1, 2, 2}));
  EXPECT_EQ(table->inputs[0][0][0][1][0].item<float>(), 3.0f);
}

TEST_F(TableTest, RealTargetsFollowTheirSpec) {
  request_.target = {"target", at::kFloat, {ir::Dim::Symbol("B"), 1}};
  request_.classes = 0;
  const auto table = LoadCsv("a,b,label\n1,2,0.5\n3,4,1.5\n");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_TRUE(table->target.equal(at::tensor({0.5f, 1.5f}).reshape({2, 1})));
}

TEST_F(TableTest, ErrorsPointAtTheUsersFile) {
  EXPECT_THAT(CsvError("a,b,label\n1,2,0\n1,2,3\n"),
              HasSubstr("DATA_INVALID: data.csv:3:5: label 3 in column \"label\" is out of range"));
  EXPECT_THAT(CsvError("a,b,label\n1,nan,0\n"), HasSubstr("data.csv:2:3"));
  EXPECT_THAT(CsvError("a,b,label\n1,oops,0\n"), HasSubstr("data.csv:2:3"));
  EXPECT_THAT(CsvError("a,b,label\n1,2,-1\n"), HasSubstr("data.csv:2:5"));
  EXPECT_THAT(CsvError("a,b,c\n1,2,0\n"), HasSubstr("label"));
  EXPECT_THAT(CsvError("a,b,label\n"), HasSubstr("data.csv"));
  EXPECT_THAT(CsvError("a,b,c,label\n1,2,3,0\n"),
              HasSubstr("takes 2 values per row, but 3 columns are given"));
}

TEST_F(TableTest, LabelsThatCountFromOneAreExplained) {
  EXPECT_THAT(CsvError("a,b,label\n1,2,1\n1,2,2\n1,2,3\n"),
              HasSubstr("so labels are 0 to 2; class labels that are numbers start at 0, these "
                        "start at 1"));
  EXPECT_THAT(CsvError("a,b,label\n1,2,0\n1,2,3\n"), ::testing::Not(HasSubstr("start at")));
}

TEST_F(TableTest, ReadingAndMakingDataCanBeInterrupted) {
  int asked = 0;
  request_.interrupted = [&] { return ++asked == 2; };
  std::string text = "a,b,label\n";
  for (int i = 0; i < 100'000; ++i) text += "1,2,0\n";
  EXPECT_TRUE(absl::IsCancelled(LoadCsv(text).status()));
  EXPECT_EQ(asked, 2);
  asked = 0;
  spec_.mutable_synthetic()->set_rows(1'000'000);
  spec_.mutable_synthetic()->set_classes(3);
  EXPECT_TRUE(absl::IsCancelled(LoadTable(request_, "").status()));
  EXPECT_EQ(asked, 2);
}

TEST_F(TableTest, SyntheticDataAreAFunctionOfTheSeed) {
  spec_.mutable_synthetic()->set_rows(200);
  spec_.mutable_synthetic()->set_classes(3);
  const auto a = LoadTable(request_, "");
  ASSERT_TRUE(a.ok()) << a.status();
  const auto b = LoadTable(request_, "");
  EXPECT_TRUE(a->inputs[0].equal(b->inputs[0]));
  EXPECT_TRUE(a->target.equal(b->target));
  request_.seed = 5;
  EXPECT_FALSE(LoadTable(request_, "")->inputs[0].equal(a->inputs[0]));
  EXPECT_EQ(a->target.min().item<int64_t>(), 0);
  EXPECT_EQ(a->target.max().item<int64_t>(), 2);
  EXPECT_NEAR(a->inputs[0].std().item<double>(), 1.0, 0.15);
}

TEST_F(TableTest, SyntheticDataMustFitTheModel) {
  spec_.mutable_synthetic()->set_rows(10);
  spec_.mutable_synthetic()->set_classes(4);
  EXPECT_THAT(std::string(LoadTable(request_, "").status().message()), HasSubstr("3 outputs"));
  spec_.mutable_synthetic()->set_classes(0);
  EXPECT_FALSE(LoadTable(request_, "").ok());
  spec_.mutable_synthetic()->set_classes(3);
  spec_.mutable_synthetic()->set_rows(0);
  EXPECT_FALSE(LoadTable(request_, "").ok());
  spec_.mutable_synthetic()->set_rows(10'000'000);
  request_.inputs[0].shape = {ir::Dim::Symbol("B"), 100'000};
  EXPECT_FALSE(LoadTable(request_, "").ok()) << "4 TB are refused before they are allocated";
}

TEST_F(TableTest, TheBatchDimensionIsASymbolOrOneNumber) {
  EXPECT_EQ(*FixedBatch(request_), 0);
  request_.inputs[0].shape[0] = 8;
  EXPECT_EQ(*FixedBatch(request_), 8);
  request_.target.shape[0] = 9;
  EXPECT_FALSE(FixedBatch(request_).ok());
  request_.target.shape = {};
  EXPECT_FALSE(FixedBatch(request_).ok());
}

TEST_F(TableTest, OneOpenSizeFollowsFromTheColumns) {
  const PlanInput sequence{"x", at::kFloat, {ir::Dim::Symbol("B"), ir::Dim::Symbol("T"), 3}};
  EXPECT_EQ(*RowShape(sequence, 12), (std::vector<int64_t>{4, 3}));
  EXPECT_FALSE(RowShape(sequence, 13).ok());
  EXPECT_FALSE(RowShape(sequence, 0).ok());
}

}  // namespace
}  // namespace graphkiln::trainer
