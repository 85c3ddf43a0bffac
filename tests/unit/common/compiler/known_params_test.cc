#include "common/compiler/known_params.h"

#include <map>
#include <string>

#include "common/nodes/registry.h"
#include "gtest/gtest.h"

namespace graphkiln::compiler {
namespace {

using Given = std::map<std::string, v1::Value>;

v1::Value Real(double v) {
  v1::Value value;
  value.set_double_value(v);
  return value;
}

v1::Value Whole(int64_t v) {
  v1::Value value;
  value.set_int_value(v);
  return value;
}

nodes::Params Slope(double v) {
  nodes::Params params;
  params.Set("negative_slope", v, true);
  return params;
}

class KnownParamsTest : public testing::Test {
 protected:
  const nodes::Params* Find(const Given& given) { return known_.Find(def_, nodes::ViewOf(given)); }

  const nodes::NodeDef& def_ = *nodes::FindNode("LeakyReLU");
  KnownParams known_;
};

TEST_F(KnownParamsTest, TheSameIsFoundAndNothingElse) {
  {
    const Given given = {{"negative_slope", Real(0.5)}};
    known_.Add(def_, nodes::ViewOf(given), Slope(0.5));
  }  // what was given is gone
  ASSERT_NE(Find({{"negative_slope", Real(0.5)}}), nullptr);
  EXPECT_EQ(Find({{"negative_slope", Real(0.5)}})->Float("negative_slope"), 0.5);
  EXPECT_EQ(Find({{"negative_slope", Real(0.25)}}), nullptr);
  EXPECT_EQ(Find({{"negative_slope", Whole(0)}}), nullptr);
  EXPECT_EQ(Find({{"slope", Real(0.5)}}), nullptr);
  EXPECT_EQ(Find({}), nullptr);
  EXPECT_EQ(known_.Find(*nodes::FindNode("ReLU"), {}), nullptr);
}

TEST_F(KnownParamsTest, ZerosOfBothSignsDiffer) {
  const Given given = {{"negative_slope", Real(0.0)}};
  known_.Add(def_, nodes::ViewOf(given), Slope(0.0));
  EXPECT_NE(Find({{"negative_slope", Real(0.0)}}), nullptr);
  EXPECT_EQ(Find({{"negative_slope", Real(-0.0)}}), nullptr);
}

TEST_F(KnownParamsTest, TheLastFourAreKept) {
  for (int i = 0; i < 6; ++i) {
    const Given given = {{"negative_slope", Real(i)}};
    known_.Add(def_, nodes::ViewOf(given), Slope(i));
  }
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(Find({{"negative_slope", Real(i)}}) != nullptr, i >= 2) << i;
}

}  // namespace
}  // namespace graphkiln::compiler
