#include "common/compiler/identifiers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace graphkiln::compiler {
namespace {

using ::testing::ElementsAre;

TEST(Identifiers, LegalNamesStay) {
  EXPECT_EQ(ToIdentifier("fc1"), "fc1");
  EXPECT_EQ(ToIdentifier("Conv_2"), "Conv_2");
}

TEST(Identifiers, EverythingElseBecomesLegal) {
  EXPECT_EQ(ToIdentifier("a-b.c"), "a_b_c");
  EXPECT_EQ(ToIdentifier("1st"), "n1st");
  EXPECT_EQ(ToIdentifier(""), "n");
  EXPECT_EQ(ToIdentifier("class"), "class_");
  EXPECT_EQ(ToIdentifier("forward"), "forward_");
  EXPECT_EQ(ToIdentifier("_private"), "n_private");
  EXPECT_EQ(ToIdentifier("\"; import os #"), "n_import_os_");
  EXPECT_EQ(ToIdentifier("\xC3\xA4"), "n_");
  EXPECT_LE(ToIdentifier(std::string(5000, 'a')).size(), 121u);
}

TEST(Identifiers, CollisionsAreNumberedAndLegalNamesWin) {
  const std::vector<std::string> ids = {"a b", "a-b", "a_b", "a b "};
  EXPECT_THAT(MangleIds(ids), ElementsAre("a_b_2", "a_b_3", "a_b", "a_b_"));
}

}  // namespace
}  // namespace graphkiln::compiler
