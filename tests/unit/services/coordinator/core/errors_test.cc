#include "services/coordinator/core/errors.h"

#include <gtest/gtest.h>

namespace graphkiln::coordinator {
namespace {

TEST(ErrorsTest, ReasonAndMetadataRideWithTheStatus) {
  const absl::Status status =
      MakeError(absl::StatusCode::kOutOfRange, v1::ERROR_REASON_EVENTS_EXPIRED, "gone",
                {{"oldest_token", "T"}, {"empty", ""}});
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_EVENTS_EXPIRED);
  EXPECT_EQ(MetadataOf(status), (ErrorMetadata{{"oldest_token", "T"}, {"empty", ""}}));
}

TEST(ErrorsTest, AnyOtherStatusHasNoReason) {
  EXPECT_EQ(ReasonOf(absl::InternalError("x")), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(ReasonOf(absl::OkStatus()), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_TRUE(MetadataOf(absl::InternalError("x")).empty());
}

TEST(ErrorsTest, NamesFromOutsideAreQuoted) {
  EXPECT_EQ(NotFoundError("job", "a\nb").message().find('\n'), absl::string_view::npos);
}

}  // namespace
}  // namespace graphkiln::coordinator
