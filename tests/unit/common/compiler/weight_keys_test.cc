#include "common/compiler/weight_keys.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace graphkiln::compiler {
namespace {

ir::Parameter Named(const std::string& key) {
  ir::Parameter parameter;
  parameter.key = key;
  return parameter;
}

TEST(WeightKeys, FindsWhatWasAddedBeforeAndAfterALook) {
  std::vector<ir::Parameter> parameters = {Named("a.weight"), Named("a.bias")};
  WeightKeys keys;
  EXPECT_EQ(keys.Find(parameters, "a.bias"), &parameters[1]);
  EXPECT_EQ(keys.Find(parameters, "b.bias"), nullptr);
  parameters.push_back(Named("b.bias"));
  EXPECT_EQ(keys.Find(parameters, "b.bias"), &parameters[2]);
}

TEST(WeightKeys, ForgetsWhatIsTakenBack) {
  std::vector<ir::Parameter> parameters = {Named("a"), Named("b"), Named("c")};
  WeightKeys keys;
  EXPECT_NE(keys.Find(parameters, "c"), nullptr);
  keys.TakeBack(parameters, 1);
  parameters.resize(1);
  EXPECT_EQ(keys.Find(parameters, "c"), nullptr);
  parameters.push_back(Named("c"));
  EXPECT_EQ(keys.Find(parameters, "c"), &parameters[1]);
  EXPECT_EQ(keys.Find(parameters, "b"), nullptr);
}

}  // namespace
}  // namespace graphkiln::compiler
