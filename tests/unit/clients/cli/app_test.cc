#include "clients/cli/app.h"

#include "clients/cli/exit_code.h"
#include "gtest/gtest.h"

namespace graphkiln::cli {
namespace {

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& command : AllCommands()) names.emplace_back(command->name());
  return names;
}

TEST(SuggestCommand, HabitsAndTypos) {
  EXPECT_EQ(SuggestCommand("vaildate", Names()), "validate");
  EXPECT_EQ(SuggestCommand("status", Names()), "describe job NAME");
  EXPECT_EQ(SuggestCommand("queue", Names()), "get jobs");
  EXPECT_EQ(SuggestCommand("xyzzyplugh", Names()), "");
}

TEST(AllCommands, EveryOneIsDocumentedAndUnique) {
  std::vector<std::string> seen;
  for (const auto& command : AllCommands()) {
    EXPECT_FALSE(command->summary().empty()) << command->name();
    for (const std::string& name : seen) EXPECT_NE(name, command->name());
    seen.emplace_back(command->name());
    Arguments arguments;
    command->Declare(&arguments);
    for (const Argument& argument : arguments.list())
      EXPECT_FALSE(argument.doc.empty()) << argument.names;
  }
}

int Kiln(std::vector<const char*> words) {
  words.insert(words.begin(), "kiln");
  return RunKiln(static_cast<int>(words.size()), words.data());
}

TEST(RunKiln, WrongUsageIsTwo) {
  EXPECT_EQ(Kiln({}), kUsage);
  EXPECT_EQ(Kiln({"nothing"}), kUsage);
  EXPECT_EQ(Kiln({"version", "--bogus"}), kUsage);
  EXPECT_EQ(Kiln({"validate"}), kUsage);
  EXPECT_EQ(Kiln({"get", "things"}), kUsage);
  EXPECT_EQ(Kiln({"version", "-o", "xml"}), kUsage);
}

TEST(RunKiln, LocalCommands) {
  EXPECT_EQ(Kiln({"version"}), kOk);
  EXPECT_EQ(Kiln({"--help"}), kOk);
  EXPECT_EQ(Kiln({"submit", "--help"}), kOk);
  EXPECT_EQ(Kiln({"validate", "/nowhere/at-all.yaml"}), kNotFound);
}

TEST(ExitCodeOf, EveryStatus) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), kOk);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), kNotFound);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("")), kNotAllowed);
  EXPECT_EQ(ExitCodeOf(absl::UnauthenticatedError("")), kNotAllowed);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("")), kTimedOut);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), kUnreachable);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), kFailure);
}

}  // namespace
}  // namespace graphkiln::cli
