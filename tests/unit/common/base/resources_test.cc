#include "common/base/resources.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/base/file.h"

namespace graphkiln {
namespace {

TEST(Resources, EnvironmentComesFirst) {
  setenv("KILN_RESOURCES", "/somewhere", 1);
  EXPECT_EQ(ResourceDir(), "/somewhere");
  EXPECT_EQ(TemplatesDir(), "/somewhere/templates");
  unsetenv("KILN_RESOURCES");
}

TEST(Resources, BuildTreeUsesTheSources) {
  unsetenv("KILN_RESOURCES");
  EXPECT_TRUE(FileExists(JoinPath(ResourceDir(), "common/base/resources.h"))) << ResourceDir();
}

TEST(Resources, ExecutableDirHoldsThisProgram) { EXPECT_TRUE(IsDirectory(ExecutableDir())); }

}  // namespace
}  // namespace graphkiln
