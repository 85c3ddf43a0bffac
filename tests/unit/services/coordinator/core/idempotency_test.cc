#include "services/coordinator/core/idempotency.h"

#include <gtest/gtest.h>

namespace graphkiln::coordinator {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'000'000);
const absl::Time kAlways = absl::InfinitePast();

PutIdempotency Entry(const std::string& id, absl::Time time) {
  return {"s", id, "digest", id, time};
}

TEST(IdempotencyTest, FindsByScopeAndIdWithinTheTime) {
  IdempotencyTable table;
  table.Add(Entry("a", kStart), kAlways, 10);
  ASSERT_NE(table.Find("s", "a", kAlways), nullptr);
  EXPECT_EQ(table.Find("other", "a", kAlways), nullptr);
  EXPECT_EQ(table.Find("s", "a", kStart + absl::Seconds(1)), nullptr);
}

TEST(IdempotencyTest, DropsWhatIsTooOldOrTooMuch) {
  IdempotencyTable table;
  table.Add(Entry("a", kStart), kAlways, 10);
  table.Add(Entry("b", kStart + absl::Hours(25)), kStart + absl::Hours(1), 10);
  EXPECT_EQ(table.size(), 1u);
  for (int i = 0; i < 20; ++i)
    table.Add(Entry(std::to_string(i), kStart + absl::Hours(26)), kAlways, 5);
  EXPECT_EQ(table.size(), 5u);
  EXPECT_NE(table.Find("s", "19", kAlways), nullptr);
  table.Purge(kStart + absl::Hours(27), 5);
  EXPECT_EQ(table.size(), 0u);
}

TEST(IdempotencyTest, AnIdUsedAgainOutlivesItsOldEntry) {
  IdempotencyTable table;
  table.Add(Entry("a", kStart), kAlways, 10);
  table.Remove("s", "a");
  table.Add(Entry("a", kStart + absl::Hours(2)), kAlways, 10);
  table.Add(Entry("b", kStart + absl::Hours(3)), kStart + absl::Hours(1), 10);
  EXPECT_NE(table.Find("s", "a", kAlways), nullptr);
}

}  // namespace
}  // namespace graphkiln::coordinator
