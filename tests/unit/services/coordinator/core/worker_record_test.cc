#include "services/coordinator/core/worker_record.h"

#include <gtest/gtest.h>

namespace graphkiln::coordinator {
namespace {

using State = WorkerRecord::State;

TEST(WorkerRecordTest, QuarantineIsLeftOnlyThroughANewRegistration) {
  EXPECT_TRUE(WorkerRecord::IsLegal(State::kActive, State::kQuarantined));
  EXPECT_FALSE(WorkerRecord::IsLegal(State::kQuarantined, State::kActive));
  EXPECT_TRUE(WorkerRecord::IsLegal(State::kQuarantined, State::kConnecting));
  EXPECT_FALSE(WorkerRecord::IsLegal(State::kLost, State::kActive));
  EXPECT_FALSE(WorkerRecord::IsLegal(State::kActive, State::kLost));  // suspect comes first
  EXPECT_FALSE(WorkerRecord::IsLegal(State::kActive, State::kGone));
}

TEST(WorkerRecordTest, I7_ANewIncarnationClosesTheOldOne) {
  WorkerRecord worker("workers/a");
  worker.StartIncarnation("one", "r1");
  EXPECT_FALSE(worker.superseded("one"));
  worker.report_seq = 9;
  worker.StartIncarnation("two", "r2");
  EXPECT_TRUE(worker.superseded("one"));
  EXPECT_FALSE(worker.superseded("two"));
  EXPECT_EQ(worker.report_seq, 0u);
}

TEST(WorkerRecordTest, I6_LeftoversUseSlots) {
  WorkerRecord worker("workers/a");
  worker.inventory.set_slots(3);
  worker.jobs.insert("uid");
  EXPECT_EQ(worker.free_slots(), 2);
  worker.leftovers = 2;
  EXPECT_EQ(worker.free_slots(), 0);
}

TEST(WorkerRecordTest, OnlyAnActiveWorkerThatIsNotCordonedTakesOffers) {
  WorkerRecord worker("workers/a");
  EXPECT_FALSE(worker.takes_offers());
  worker.StartIncarnation("one", "r");
  ASSERT_TRUE(worker.TransitionTo(State::kActive));
  EXPECT_TRUE(worker.takes_offers());
  worker.cordoned = true;
  EXPECT_FALSE(worker.takes_offers());
}

TEST(WorkerRecordTest, RegistrationsTellTheirOrder) {
  const RegistrationRank rank{3, 12};
  EXPECT_EQ(rank.Registration("ab-cd"), "3-12-ab-cd");
  EXPECT_EQ(RegistrationRank::Of("3-12-ab-cd"), rank);
  EXPECT_LT(RegistrationRank::Of("3-9-x"), rank);
  EXPECT_GT(RegistrationRank::Of("10-1-x"), rank);
  for (const char* bad : {"", "3", "3-", "3-x", "-3-1-x", "3-99999999999999999999-x", "x-1-1"}) {
    EXPECT_EQ(RegistrationRank::Of(bad), RegistrationRank()) << bad;
  }
}

}  // namespace
}  // namespace graphkiln::coordinator
