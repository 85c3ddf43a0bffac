#include "services/coordinator/core/names.h"

#include <gtest/gtest.h>

#include "common/base/status_matchers.h"

namespace graphkiln::coordinator {
namespace {

TEST(NamesTest, ABareNameIsInTheDefaultProject) {
  ASSERT_OK_AND_ASSIGN(const std::string name, CanonicalJobName("iris"));
  EXPECT_EQ(name, "projects/default/jobs/iris");
  ASSERT_OK_AND_ASSIGN(const ResourceName full, ParseResourceName("graphs", "projects/p/graphs/g"));
  EXPECT_EQ(full.project, "p");
  EXPECT_EQ(full.id, "g");
  ASSERT_OK_AND_ASSIGN(const std::string worker, CanonicalWorkerName("w1"));
  EXPECT_EQ(worker, "workers/w1");
}

TEST(NamesTest, WhatIsNotANameIsRefused) {
  for (const std::string& bad :
       {std::string(""), std::string("Iris"), std::string("../x"), std::string("a/b"),
        std::string("projects/p/graphs/g"), std::string("projects//jobs/a"),
        std::string("projects/p/jobs/a/b"), std::string("projects/p/jobs/"), std::string("a\nb"),
        std::string("a-"), std::string(300, 'a')}) {
    EXPECT_FALSE(CanonicalJobName(bad).ok()) << bad;
  }
  EXPECT_FALSE(CanonicalWorkerName("workers/").ok());
  EXPECT_FALSE(ParseParent("projects/").ok());
  EXPECT_OK(ParseParent("").status());
  EXPECT_OK(ParseParent("projects/team-a").status());
}

}  // namespace
}  // namespace graphkiln::coordinator
