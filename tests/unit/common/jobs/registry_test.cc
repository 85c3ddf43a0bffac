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

TEST(Registry, EveryOptimizerTellsWhatItKeeps) {
  v1::Component component;
  for (const ComponentDef& def : Optimizers()) {
    component.set_type(def.name);
    EXPECT_TRUE(OptimizerMoments(component).has_value()) << def.name;
  }
  EXPECT_EQ(OptimizerKinds().size(), Optimizers().size());
  component.set_type("SGD");
  EXPECT_EQ(OptimizerMoments(component), 0);
  (*component.mutable_params())["momentum"].set_double_value(0.9);
  EXPECT_EQ(OptimizerMoments(component), 1);
  component.set_type("Adam");
  EXPECT_EQ(OptimizerMoments(component), std::nullopt) << "Adam has no momentum";
  component.clear_params();
  EXPECT_EQ(OptimizerMoments(component), 2);
  (*component.mutable_params())["amsgrad"].set_bool_value(true);
  EXPECT_EQ(OptimizerMoments(component), 3);
  component.set_type("Adamant");
  EXPECT_EQ(OptimizerMoments(component), std::nullopt);
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
