#include "services/coordinator/core/event_log.h"

#include <gtest/gtest.h>

namespace graphkiln::coordinator {
namespace {

EventLog::EventPtr At(int64_t seq) {
  auto event = std::make_shared<v1::Event>();
  event->set_seq(seq);
  return event;
}

TEST(EventLogTest, I10_PositionsRiseByOneAndAreReadOnlyWhenDurable) {
  EventLog log;
  EXPECT_EQ(log.Append({}, 10)->seq(), 1);
  EXPECT_EQ(log.Append({}, 10)->seq(), 2);
  EXPECT_EQ(log.Find(1), nullptr);
  log.SetDurable(1);
  ASSERT_NE(log.Find(1), nullptr);
  EXPECT_EQ((*log.Find(1))->seq(), 1);
  EXPECT_EQ(log.Find(2), nullptr);
}

TEST(EventLogTest, TheRingKeepsTheNewest) {
  EventLog log;
  for (int i = 0; i < 1000; ++i) log.Append({}, 10);
  log.SetDurable(1000);
  EXPECT_EQ(log.first_in_ring(), 991);
  EXPECT_EQ(log.Find(990), nullptr);
  for (int64_t seq = 991; seq <= 1000; ++seq) EXPECT_EQ((*log.Find(seq))->seq(), seq);
  log.DropRing();
  EXPECT_EQ(log.first_in_ring(), 1001);
  EXPECT_EQ(log.Find(1000), nullptr);
  EXPECT_EQ(log.Append({}, 10)->seq(), 1001);
}

TEST(EventLogTest, ARestoredLogContinues) {
  EventLog log;
  log.Restore(3, {At(2), At(3), At(4)});  // an event came after the row that says 3
  EXPECT_EQ(log.last_seq(), 4);
  EXPECT_EQ(log.first_in_ring(), 2);
  EXPECT_EQ(log.Append({}, 10)->seq(), 5);
  EventLog holed;
  holed.Restore(9, {At(2), At(3), At(8), At(9)});
  EXPECT_EQ(holed.first_in_ring(), 8);
  EventLog empty;
  empty.Restore(9, {At(2)});  // the tail does not reach the end: the store has the rest
  EXPECT_EQ(empty.first_in_ring(), 10);
}

}  // namespace
}  // namespace graphkiln::coordinator
