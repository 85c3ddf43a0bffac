#include "common/jobs/registry.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graphkiln::jobs {
namespace {

TEST(Registry, EveryEntryIsDocumented) {
  for (const auto* table : {&Optimizers(), &Schedulers()}) {
    for (const ComponentDef& def : *table) {
      const auto entry = DescribeComponent(def.name);
      EXPECT_EQ(entry["name"], def.name);
      EXPECT_EQ(entry["params"].size(), def.params.size());
      EXPECT_FALSE(def.doc.empty());
      for (const auto& param : def.params) {
        EXPECT_FALSE(param.doc.empty()) << def.name << "." << param.name;
        EXPECT_TRUE(param.required || param.default_value) << def.name << "." << param.name;
      }
    }
  }
  for (const MetricDef& def : Metrics()) EXPECT_EQ(DescribeComponent(def.name)["doc"], def.doc);
  for (const SourceDef& def : Sources()) EXPECT_EQ(DescribeComponent(def.name)["doc"], def.doc);
  EXPECT_TRUE(DescribeComponent("nothing").is_null());
}

TEST(Registry, LossesComeFromTheNodes) {
  EXPECT_THAT(LossNames(), testing::IsSupersetOf({"CrossEntropyLoss", "L1Loss", "MSELoss"}));
  EXPECT_EQ(LossTask("CrossEntropyLoss"), Task::kClassification);
  EXPECT_EQ(LossTask("MSELoss"), Task::kRegression);
  EXPECT_EQ(LossTask("Linear2"), Task::kAny);
  EXPECT_EQ(ComponentParams("loss", "Linear"), nullptr);
}

}  // namespace
}  // namespace graphkiln::jobs
