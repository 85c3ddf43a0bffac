#include "common/base/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "absl/strings/cord.h"
#include "common/base/status_matchers.h"

namespace graphkiln {
namespace {

absl::StatusOr<std::pair<int, int>> MakePair(int first) {
  if (first < 0) return absl::OutOfRangeError("negative");
  return std::pair<int, int>(first, first + 1);
}

absl::StatusOr<int> SumOfPair(int first) {
  ASSIGN_OR_RETURN(const auto pair, MakePair(first));
  return pair.first + pair.second;
}

absl::Status CheckPair(int first) {
  RETURN_IF_ERROR(MakePair(first).status());
  return absl::AlreadyExistsError("reached the end");
}

absl::StatusOr<std::unique_ptr<int>> Moves() {
  ASSIGN_OR_RETURN(std::unique_ptr<int> owned,
                   absl::StatusOr<std::unique_ptr<int>>(std::make_unique<int>(7)));
  return owned;
}

TEST(StatusMacros, MoveOnlyValuesPass) {
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<int> seven, Moves());
  EXPECT_EQ(*seven, 7);
}

TEST(StatusMacros, ErrorsLeaveTheFunction) {
  EXPECT_THAT(CheckPair(-1), StatusIs(absl::StatusCode::kOutOfRange, "negative"));
  EXPECT_THAT(CheckPair(1), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(SumOfPair(-1), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST(StatusMacros, AnnotateKeepsCodeAndPayload) {
  absl::Status status = absl::NotFoundError("no such node");
  status.SetPayload("type/x", absl::Cord("payload"));
  const absl::Status annotated = Annotate(status, "model.yaml");
  EXPECT_THAT(annotated, StatusIs(absl::StatusCode::kNotFound, "model.yaml: no such node"));
  EXPECT_EQ(annotated.GetPayload("type/x"), absl::Cord("payload"));
  EXPECT_OK(Annotate(absl::OkStatus(), "x"));
}

TEST(Bug, IsCountedPerSite) {
  SetAbortOnBug(false);
  const uint64_t before = BugCounts()["test.site"];
  GRAPHKILN_BUG("test.site", "detail");
  GRAPHKILN_BUG("test.site", "detail");
  EXPECT_EQ(BugCounts()["test.site"], before + 2);
}

TEST(BugDeathTest, AbortsWhenAsked) {
  EXPECT_DEATH(
      {
        SetAbortOnBug(true);
        GRAPHKILN_BUG("test.site", "lease from the future");
      },
      "lease from the future");
}

}  // namespace
}  // namespace graphkiln
