#include "common/compiler/node_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace graphkiln::compiler {
namespace {

using ::testing::ElementsAre;

// `id`, or `id=name`.
std::vector<std::string> Identifiers(const std::vector<std::string>& texts) {
  std::vector<v1::Node> nodes(texts.size());
  std::vector<const v1::Node*> all;
  for (size_t i = 0; i < texts.size(); ++i) {
    const size_t equals = texts[i].find('=');
    nodes[i].set_id(texts[i].substr(0, equals));
    nodes[i].set_type("Linear");
    if (equals != std::string::npos) nodes[i].set_name(texts[i].substr(equals + 1));
    all.push_back(&nodes[i]);
  }
  return NodeIdentifiers(all);
}

TEST(NodeNames, ANameGoesBeforeTheId) {
  EXPECT_THAT(Identifiers({"a", "b~left=b", "b~right"}), ElementsAre("a", "b", "b_right"));
  EXPECT_THAT(Identifiers({"b~left=b", "b"}), ElementsAre("b", "b_2"));
}

TEST(NodeNames, DotsOfNamesMakeGroupsThoseOfIdsDoNot) {
  EXPECT_THAT(Identifiers({"a.b", "x=enc.conv", "y=enc.0", "z=enc.down.conv"}),
              ElementsAre("a_b", "enc.conv", "enc.0", "enc.down.conv"));
}

TEST(NodeNames, GroupsAndModulesAreNotCalledTheSame) {
  EXPECT_THAT(Identifiers({"enc", "x=enc.conv"}), ElementsAre("enc", "enc_conv"));
  EXPECT_THAT(Identifiers({"x=enc.conv", "y=enc.conv.more"}),
              ElementsAre("enc_conv", "enc.conv.more"));
  EXPECT_THAT(Identifiers({"x=enc.conv", "y=enc.conv"}), ElementsAre("enc.conv", "enc_conv_2"));
}

TEST(NodeNames, WhatARefusedNameBecomesIsNoGroup) {
  // a.b is a group of a.b.c, so it becomes a_b, which no group may be called then.
  EXPECT_THAT(Identifiers({"x=a_b.c", "y=a.b", "z=a.b.c"}), ElementsAre("a_b_c", "a_b", "a.b.c"));
}

TEST(NodeNames, PartsThatPythonCannotHaveMakeNoGroup) {
  EXPECT_THAT(Identifiers({"a=enc.items", "b=enc..x", "c=enc.", "d=.x", "e=0.x", "f=for.x",
                           "g=enc.training"}),
              ElementsAre("enc_items", "enc_x", "enc_", "n_x", "n0_x", "for_x", "enc_training"));
}

}  // namespace
}  // namespace graphkiln::compiler
