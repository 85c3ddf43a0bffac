#include "common/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace graphkiln {
namespace {

TEST(Log, LevelAndProgramDecideTheLine) {
  InitLogging("kiln-test", LogLevel::kWarn);
  int evaluated = 0;
  testing::internal::CaptureStderr();
  KILN_INFO("hidden {}", ++evaluated);
  KILN_WARN("shown {}", ++evaluated);
  const std::string text = testing::internal::GetCapturedStderr();
  InitLogging("kiln", LogLevel::kInfo);
  EXPECT_EQ(evaluated, 1);
  EXPECT_THAT(text, ::testing::HasSubstr("shown 1"));
  EXPECT_THAT(text, ::testing::HasSubstr("kiln-test"));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("hidden")));
}

TEST(Log, LevelNames) {
  EXPECT_EQ(LogLevelFromName("debug"), LogLevel::kDebug);
  EXPECT_EQ(LogLevelFromName("off"), LogLevel::kOff);
  EXPECT_EQ(LogLevelFromName("loud"), LogLevel::kInfo);
}

}  // namespace
}  // namespace graphkiln
