#include "common/compiler/codes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>

#include "common/base/file.h"
#include "common/base/resources.h"
#include "common/base/strings.h"
#include "common/compiler/compile.h"
#include "common/compiler/fixes/rules.h"
#include "common/graph/text.h"

namespace graphkiln::compiler {
namespace {

TEST(Codes, PagesAreOrderedAndFound) {
  std::string_view last;
  for (const CodePage& page : CodePages()) {
    EXPECT_LT(last, page.code);
    last = page.code;
    EXPECT_FALSE(page.text.empty());
    EXPECT_EQ(FindCode(page.code), &page);
  }
  EXPECT_EQ(FindCode("NOPE"), nullptr);
}

std::vector<v1::Diagnostic> FindingsOf(std::string_view text) {
  graph::SourceMap positions;
  std::vector<v1::Diagnostic> findings;
  const auto graph = graph::ReadGraph(text, "page", &positions, &findings);
  if (!graph.ok()) return findings;
  const CompileResult result = Compile(*graph);
  findings.insert(findings.end(), result.diagnostics.begin(), result.diagnostics.end());
  return findings;
}

std::vector<std::string> CodesOf(const std::vector<v1::Diagnostic>& findings) {
  std::vector<std::string> codes;
  for (const v1::Diagnostic& finding : findings) codes.push_back(finding.code());
  return codes;
}

TEST(Codes, TheExamplesOfThePagesAreWhatTheySay) {
  for (const CodePage& page : CodePages()) {
    ASSERT_EQ(page.wrong.empty(), page.right.empty()) << page.code;
    if (page.wrong.empty()) continue;
    EXPECT_THAT(CodesOf(FindingsOf(page.wrong)), testing::Contains(std::string(page.code)));
    EXPECT_THAT(CodesOf(FindingsOf(page.right)), testing::IsEmpty()) << page.code;
  }
}

TEST(Codes, WhereMachinesMendTheExampleOffersAFix) {
  for (const CodePage& page : CodePages()) {
    if (page.wrong.empty()) continue;
    int fixes = 0;
    for (const v1::Diagnostic& finding : FindingsOf(page.wrong)) {
      if (finding.code() == page.code) fixes += finding.fixes_size();
    }
    EXPECT_EQ(fixes > 0, !page.fixes.empty()) << page.code;
  }
  for (const FixRule& rule : FixRules()) {
    const CodePage* page = FindCode(rule.code);
    ASSERT_NE(page, nullptr) << rule.code;
    EXPECT_FALSE(page->fixes.empty()) << rule.code;
  }
}

// Codes whose fault is not in one graph file, each with a test that provokes it.
struct NamedTest {
  const char *code, *file, *test;
};
constexpr NamedTest kNamed[] = {
    {"BAD_ID", "tests/unit/common/compiler/compile_test.cc", "IdsHaveALength"},
    {"DATA_INVALID", "tests/integration/bad_input_test.py", "DATA_INVALID"},
    {"DATASET_UNKNOWN", "tests/unit/services/coordinator/server_api_test.cc", "DATASET_UNKNOWN"},
    {"FILE_NOT_FOUND", "tests/integration/bad_input_test.py", "FILE_NOT_FOUND"},
    {"FILE_NOT_UPLOADED", "tests/unit/services/coordinator/server_api_test.cc", "JobMistakes"},
    {"FILE_UNREADABLE", "tests/integration/bad_input_test.py", "FILE_UNREADABLE"},
    {"INPUT_MISMATCH", "tests/unit/common/jobs/resolve_test.cc", "INPUT_MISMATCH"},
    {"KEY_CONFLICT", "tests/unit/common/jobs/job_file_test.cc", "KEY_CONFLICT"},
    {"KEY_RANGE", "tests/unit/common/jobs/job_file_test.cc", "KEY_RANGE"},
    {"KEY_TYPE", "tests/unit/common/jobs/job_file_test.cc", "KEY_TYPE"},
    {"METRIC_MISMATCH", "tests/unit/common/jobs/resolve_test.cc", "METRIC_MISMATCH"},
    {"MODE_WITHOUT_EFFECT", "tests/unit/common/compiler/plan_test.cc", "FindingsNameTheUsersNode"},
    {"MISSING_SHAPE", "tests/unit/common/compiler/compile_test.cc", "InputsWithoutShapes"},
    {"UNKNOWN_KEY", "tests/unit/common/jobs/job_file_test.cc", "UNKNOWN_KEY"},
    {"WEIGHTS_UNKNOWN", "tests/unit/services/coordinator/server_api_test.cc", "WEIGHTS_UNKNOWN"},
};

TEST(Codes, ThoseOfNoGraphFileHaveATestThatNamesThem) {
  for (const NamedTest& named : kNamed) {
    const auto text = ReadFile(ResourceDir() + "/" + named.file, 4 << 20);
    ASSERT_TRUE(text.ok()) << named.file;
    EXPECT_THAT(*text, testing::HasSubstr(named.code)) << named.file;
    EXPECT_THAT(*text, testing::HasSubstr(named.test)) << named.file;
  }
}

// Codes of jobs stand in common/jobs/faults.cc, which this test may not link: it reads it.
TEST(Codes, EveryCodeOfTheSourcesHasAPage) {
  StringSet known;
  for (const CodePage& page : CodePages()) known.insert(std::string(page.code));
  const auto jobs = ReadFile(ResourceDir() + "/common/jobs/faults.cc", 1 << 20);
  ASSERT_TRUE(jobs.ok());
  const std::regex page(R"re(\{"([A-Z_]+)",\s)re");
  for (std::sregex_iterator it(jobs->begin(), jobs->end(), page), end; it != end; ++it)
    known.insert((*it)[1].str());
  // Words in capitals that are no codes.
  const StringSet others = {"CONV_T_",     "DATA_TYPE_",    "JOB_KIND_",    "NOT_FOUND",
                            "CALL_FAILED", "FIELD_INVALID", "TOKEN_INVALID"};
  const std::regex word(R"re("([A-Z]{3,}[A-Z_]*_[A-Z_]*|ARITY|CYCLE|INTERNAL|LIMIT|SYNTAX)")re");
  int seen = 0;
  for (const char* folder : {"common/compiler", "common/graph", "common/ir", "common/nodes",
                             "common/jobs", "services/coordinator/rpc/submit.cc"}) {
    const std::string root = ResourceDir() + "/" + folder;
    std::vector<std::string> files;
    if (std::filesystem::is_directory(root)) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
        if (entry.path().extension() == ".cc" || entry.path().extension() == ".h")
          files.push_back(entry.path().string());
      }
    } else {
      files.push_back(root);
    }
    for (const std::string& file : files) {
      const auto text = ReadFile(file, 4 << 20);
      ASSERT_TRUE(text.ok()) << file;
      for (std::sregex_iterator it(text->begin(), text->end(), word), end; it != end; ++it) {
        const std::string found = (*it)[1].str();
        if (others.contains(found) || found.starts_with("KILN_")) continue;
        ++seen;
        EXPECT_TRUE(known.contains(found)) << found << " in " << file;
      }
    }
  }
  EXPECT_GT(seen, 200);
}

}  // namespace
}  // namespace graphkiln::compiler
