// Every input that broke something once, and every model and block as seed: all targets go through
// each. Files are named TARGET-WHAT.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/resources.h"
#include "tests/fuzz/whole.h"

namespace graphkiln::fuzz {
namespace {

std::vector<std::string> Files() {
  std::vector<std::string> files;
  for (const char* folder : {"/tests/fuzz/crashers", "/templates/models", "/templates/blocks"}) {
    const std::string path = ResourceDir() + folder;
    if (!std::filesystem::exists(path)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(path))
      files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Crashers : public ::testing::TestWithParam<std::string> {};

TEST_P(Crashers, BreakNothingNow) {
  const auto bytes = ReadFile(GetParam(), 16 << 20);
  ASSERT_TRUE(bytes.ok());
  GraphText(*bytes);
  GraphProto(*bytes);
  Foreign("torcharc", *bytes);
  Foreign("torchcanvas", *bytes);
  Foreign("visdl", *bytes);
}

INSTANTIATE_TEST_SUITE_P(Files, Crashers, ::testing::ValuesIn(Files()),
                         [](const auto& info) { return std::to_string(info.index); });

}  // namespace
}  // namespace graphkiln::fuzz
