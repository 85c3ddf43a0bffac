#include "common/jobs/schema.h"

#include "common/jobs/fields.h"
#include "graphkiln/v1/job.pb.h"
#include "gtest/gtest.h"

namespace graphkiln::jobs {
namespace {

// Every row names a field that exists and whose kind of value the row's type can hold.
TEST(JobSchema, EveryRowHasItsField) {
  for (const KeySpec& key : JobSchema()) {
    v1::JobSpec spec;
    const auto* parent = MutableSection(key.parent(), &spec);
    const auto* field = parent->GetDescriptor()->FindFieldByName(std::string(key.field_name()));
    ASSERT_NE(field, nullptr) << key.path;
    EXPECT_FALSE(key.doc.empty()) << key.path;
    EXPECT_EQ(FindKey(key.path), &key);
    if (key.type == KeyType::kEnum) {
      EXPECT_EQ(field->enum_type()->value_count(), static_cast<int>(key.choices.size()) + 1)
          << key.path << ": the choices and the enum's values differ";
    }
  }
}

// And every field of the messages has its row, so that no field can be forgotten.
TEST(JobSchema, EveryFieldHasItsRow) {
  for (const char* section : {"", "data", "data.split", "data.synthetic", "checkpoint",
                              "checkpoint.best", "resources", "smoke"}) {
    v1::JobSpec spec;
    const auto* descriptor = MutableSection(section, &spec)->GetDescriptor();
    EXPECT_EQ(KeysOf(section).size(), static_cast<size_t>(descriptor->field_count())) << section;
  }
}

TEST(JobSchema, EveryDefaultIsLegal) {
  for (const KeySpec& key : JobSchema()) {
    const TextNode* value = DefaultOf(key);
    EXPECT_EQ(value == nullptr, key.default_text.empty()) << key.path;
    if (value == nullptr) continue;
    v1::JobSpec spec;
    JobPositions positions;
    std::vector<v1::Diagnostic> diagnostics;
    ReadField(key, *value, MutableSection(key.parent(), &spec), &positions, &diagnostics);
    EXPECT_TRUE(diagnostics.empty()) << key.path;
  }
}

TEST(InRange, OpenAndClosedEnds) {
  const KeySpec* validation = FindKey("data.split.validation");
  EXPECT_TRUE(InRange(*validation, 0));
  EXPECT_FALSE(InRange(*validation, 1));
  EXPECT_FALSE(InRange(*validation, -0.1));
  EXPECT_FALSE(InRange(*validation, std::numeric_limits<double>::quiet_NaN()));
  const KeySpec* priority = FindKey("priority");
  EXPECT_TRUE(InRange(*priority, 1000));
  EXPECT_FALSE(InRange(*priority, 1001));
}

TEST(DescribeSchema, NamesComponents) {
  bool seen = false;
  for (const auto& row : DescribeSchema()) {
    if (row["key"] != "optimizer") continue;
    seen = true;
    EXPECT_NE(row["doc"].get<std::string>().find("AdamW"), std::string::npos);
  }
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace graphkiln::jobs
