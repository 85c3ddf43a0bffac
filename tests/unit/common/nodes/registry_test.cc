#include "common/nodes/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status_matchers.h"
#include "common/ir/op_def.h"
#include "common/ir/verify.h"
#include "common/nodes/example.h"

namespace graphkiln::nodes {
namespace {

// Completeness: every type has documentation, an example, and an example that types to what it
// states.
TEST(Registry, EveryTypeIsComplete) {
  for (const NodeDef* def : AllNodes()) {
    SCOPED_TRACE(std::string(def->name));
    EXPECT_FALSE(def->doc.empty());
    EXPECT_FALSE(def->category.empty());
    EXPECT_FALSE(def->python.text.empty());
    EXPECT_FALSE(def->example.outputs.empty());
    for (const ParamSpec& spec : def->params) {
      EXPECT_FALSE(spec.doc.empty()) << spec.name;
      EXPECT_TRUE(!spec.inferred || def->InputIndex(spec.inferred_port) >= 0) << spec.name;
    }
    if (def->picks || def->reads_weight) continue;
    ASSERT_NE(def->body, nullptr);
    const auto typed = TypeExample(*def);
    ASSERT_TRUE(typed.ok()) << typed.status().ToString();
    EXPECT_OK(ir::Verify(typed->module));
    ASSERT_EQ(typed->module.outputs.size(), def->example.outputs.size());
    for (size_t i = 0; i < typed->module.outputs.size(); ++i) {
      EXPECT_EQ(ir::TypeText(typed->module.type(typed->module.outputs[i].value)),
                def->example.outputs[i]);
    }
  }
}

TEST(Registry, LinearDescribesItself) {
  const v1::NodeType type = Describe(*FindNode("Linear"));
  EXPECT_EQ(type.params(0).name(), "in_features");
  EXPECT_TRUE(type.params(0).inferred());
  EXPECT_TRUE(type.params(1).required());
  ASSERT_EQ(type.weights_size(), 2);
  EXPECT_EQ(type.weights(0).name(), "weight");
  EXPECT_EQ(type.weights(0).spec().shape(1).size(), 3);
  ASSERT_EQ(type.operators_size(), 1);
  EXPECT_EQ(type.operators(0), "aten.linear.default");
}

TEST(Registry, NamesAreFoundExactly) {
  EXPECT_NE(FindNode("BatchNorm2d"), nullptr);
  EXPECT_EQ(FindNode("batchnorm2d"), nullptr);
  EXPECT_EQ(RegistryVersion().size(), 16u);
}

TEST(Registry, ACategoryHoldsItsOwn) {
  std::vector<std::string> losses;
  for (const NodeDef* def : NodesOf("loss")) {
    EXPECT_EQ(def->category, "loss") << def->name;
    losses.emplace_back(def->name);
  }
  EXPECT_THAT(losses,
              ::testing::IsSupersetOf({"AdaptiveLogSoftmaxWithLoss", "BCELoss", "CTCLoss",
                                       "CrossEntropyLoss", "MSELoss", "TripletMarginLoss"}));
  EXPECT_THAT(losses, ::testing::Not(::testing::Contains("Linear")));
}

}  // namespace
}  // namespace graphkiln::nodes
