#include "services/worker/daemon/lease_table.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graphkiln::worker {
namespace {

using v1::ConnectResponse;
using v1::HeldLease;
using v1::LeaseOrder;
using Kind = LeaseAction::Kind;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr absl::Duration kT0 = absl::Hours(1);

struct Order {
  std::string job;
  int64_t epoch = 1;
  LeaseOrder::Action action = LeaseOrder::ACTION_RUN;
  int grace_seconds = 30;
  bool spec = true;
};

ConnectResponse Orders(const std::vector<Order>& orders, bool authoritative = true) {
  ConnectResponse response;
  response.set_authoritative(authoritative);
  for (const Order& order : orders) {
    LeaseOrder* out = response.add_orders();
    out->set_job(order.job);
    out->set_lease_epoch(order.epoch);
    out->set_action(order.action);
    out->mutable_grace()->set_seconds(order.grace_seconds);
    if (order.spec) {
      out->mutable_spec()->mutable_job()->set_seed(7);
      out->mutable_spec()->mutable_ir();
    }
  }
  return response;
}

std::vector<std::pair<Kind, std::string>> Brief(const std::vector<LeaseAction>& actions) {
  std::vector<std::pair<Kind, std::string>> brief;
  for (const LeaseAction& action : actions) {
    brief.emplace_back(action.kind, ToString(action.id));
  }
  return brief;
}

class LeaseTableTest : public testing::Test {
 protected:
  LeaseTable Make(int slots) {
    LeaseTable::Options options;
    options.slots = slots;
    return LeaseTable(options, kT0);
  }

  HeldLease Only(const LeaseTable& table) {
    const std::vector<HeldLease> held = table.Held();
    EXPECT_EQ(held.size(), 1u);
    return held.empty() ? HeldLease() : held[0];
  }

  LeaseTable table_ = Make(2);
};

TEST_F(LeaseTableTest, StartsWhatItIsToldWithTheSpec) {
  const auto actions = table_.OnOrders(Orders({{"a", 3}}), kT0);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, Kind::kStart);
  EXPECT_EQ(actions[0].id, (LeaseId{"a", 3}));
  EXPECT_EQ(actions[0].spec.job().seed(), 7u);
  EXPECT_EQ(Only(table_).phase(), HeldLease::PHASE_STARTING);
  EXPECT_EQ(Only(table_).lease_epoch(), 3);
  EXPECT_EQ(table_.active(), 1);
}

TEST_F(LeaseTableTest, RepeatedOrdersStartOnce) {
  table_.OnOrders(Orders({{"a"}}), kT0);
  EXPECT_THAT(table_.OnOrders(Orders({{"a"}}), kT0), IsEmpty());
  EXPECT_THAT(table_.OnOrders(Orders({{"a", 1, LeaseOrder::ACTION_RUN, 30, false}}), kT0),
              IsEmpty());
  EXPECT_EQ(table_.Held().size(), 1u);
}

TEST_F(LeaseTableTest, RunWithoutSpecOfAnUnknownLeaseIsIgnored) {
  EXPECT_THAT(table_.OnOrders(Orders({{"a", 1, LeaseOrder::ACTION_RUN, 30, false}}), kT0),
              IsEmpty());
  EXPECT_TRUE(table_.Held().empty());
}

TEST_F(LeaseTableTest, StopsOfAnUnknownLeaseAreIgnored) {
  EXPECT_THAT(table_.OnOrders(Orders({{"a", 1, LeaseOrder::ACTION_STOP},
                                      {"b", 1, LeaseOrder::ACTION_CHECKPOINT_AND_STOP}}),
                              kT0),
              IsEmpty());
  EXPECT_TRUE(table_.Held().empty());
}

TEST_F(LeaseTableTest, FinishEarlyOfAnUnknownLeaseRunsAndFinishesEarly) {
  EXPECT_THAT(Brief(table_.OnOrders(Orders({{"a", 2, LeaseOrder::ACTION_FINISH_EARLY}}), kT0)),
              ElementsAre(std::pair(Kind::kStart, "a@2"), std::pair(Kind::kFinishEarly, "a@2")));
  EXPECT_EQ(table_.stop({"a", 2}), StopKind::kFinishEarly);
  EXPECT_THAT(table_.OnOrders(Orders({{"a", 2, LeaseOrder::ACTION_FINISH_EARLY}}), kT0), IsEmpty());
}

TEST_F(LeaseTableTest, MoreThanTheSlotsIsRejectedUntilTheOrderGoes) {
  const ConnectResponse orders = Orders({{"a"}, {"b"}, {"c"}});
  EXPECT_EQ(table_.OnOrders(orders, kT0).size(), 2u);
  EXPECT_EQ(table_.Held()[2].phase(), HeldLease::PHASE_REJECTED);
  EXPECT_THAT(table_.Held()[2].reason(), testing::StartsWith("NO_SLOT"));
  // Still ordered: still rejected, not started when a slot gets free.
  table_.OnEnded({"a", 1});
  EXPECT_THAT(table_.OnOrders(orders, kT0), IsEmpty());
  EXPECT_EQ(table_.Held()[2].phase(), HeldLease::PHASE_REJECTED);
  table_.OnOrders(Orders({{"a"}, {"b"}}), kT0);
  EXPECT_EQ(table_.Held().size(), 2u);
}

TEST_F(LeaseTableTest, AnOrderThatComesWhileATrainerStillDiesWaits) {
  LeaseTable table = Make(1);
  table.OnOrders(Orders({{"a"}}), kT0);
  // "a" was taken away and "b" given in one message; the slot is not free before "a" is gone.
  EXPECT_THAT(Brief(table.OnOrders(Orders({{"b"}}), kT0)),
              ElementsAre(std::pair(Kind::kFence, "a@1")));
  EXPECT_EQ(table.Held().size(), 1u);
  table.OnClosed({"a", 1});
  EXPECT_THAT(Brief(table.OnOrders(Orders({{"b"}}), kT0)),
              ElementsAre(std::pair(Kind::kStart, "b@1")));
}

TEST_F(LeaseTableTest, SpecWithoutProgramIsRejected) {
  ConnectResponse orders = Orders({{"a"}});
  orders.mutable_orders(0)->mutable_spec()->clear_ir();
  EXPECT_THAT(table_.OnOrders(orders, kT0), IsEmpty());
  EXPECT_THAT(Only(table_).reason(), testing::StartsWith("INVALID_SPEC"));
}

TEST_F(LeaseTableTest, LeftOutByAnAuthoritativeSetIsFenced) {
  table_.OnOrders(Orders({{"a"}, {"b"}}), kT0);
  EXPECT_THAT(Brief(table_.OnOrders(Orders({{"b"}}), kT0)),
              ElementsAre(std::pair(Kind::kFence, "a@1")));
  // It occupies its slot and is reported until it is really gone; the fence is said once.
  EXPECT_EQ(table_.active(), 2);
  EXPECT_EQ(table_.Held()[0].phase(), HeldLease::PHASE_STOPPING);
  EXPECT_THAT(table_.OnOrders(Orders({{"b"}}), kT0), IsEmpty());
  table_.OnClosed({"a", 1});
  EXPECT_EQ(Only(table_).job(), "b");
}

TEST_F(LeaseTableTest, NotAuthoritativeOrdersNeverStopAnything) {
  table_.OnOrders(Orders({{"a"}, {"b"}}), kT0);
  EXPECT_THAT(table_.OnOrders(Orders({}, false), kT0), IsEmpty());
  EXPECT_THAT(table_.OnOrders(Orders({{"a", 1, LeaseOrder::ACTION_STOP, 0},
                                      {"b", 1, LeaseOrder::ACTION_CHECKPOINT_AND_STOP, 0}},
                                     false),
                              kT0),
              IsEmpty());
  EXPECT_THAT(table_.OnTick(kT0 + absl::Minutes(5)), IsEmpty());
  EXPECT_EQ(table_.active(), 2);
}

TEST_F(LeaseTableTest, NotAuthoritativeOrdersStartNothing) {
  EXPECT_THAT(table_.OnOrders(Orders({{"a"}}, false), kT0), IsEmpty());
  EXPECT_TRUE(table_.Held().empty());
}

TEST_F(LeaseTableTest, NewerEpochOfAJobWaitsForTheOldTrainerToBeGone) {
  table_.OnOrders(Orders({{"a", 1}}), kT0);
  EXPECT_THAT(Brief(table_.OnOrders(Orders({{"a", 2}}), kT0)),
              ElementsAre(std::pair(Kind::kFence, "a@1")));
  EXPECT_THAT(table_.OnOrders(Orders({{"a", 2}}), kT0), IsEmpty());
  table_.OnClosed({"a", 1});
  EXPECT_THAT(Brief(table_.OnOrders(Orders({{"a", 2}}), kT0)),
              ElementsAre(std::pair(Kind::kStart, "a@2")));
}

TEST_F(LeaseTableTest, OlderEpochOfAHeldJobIsNeverStarted) {
  table_.OnOrders(Orders({{"a", 5}}), kT0);
  EXPECT_THAT(table_.OnOrders(Orders({{"a", 5}, {"a", 4}}), kT0), IsEmpty());
  EXPECT_EQ(table_.Held().size(), 1u);
}

TEST_F(LeaseTableTest, CancelEscalatesOnce) {
  table_.OnOrders(Orders({{"a"}}), kT0);
  table_.OnTrainerStarted({"a", 1});
  EXPECT_EQ(Only(table_).phase(), HeldLease::PHASE_RUNNING);
  const ConnectResponse stop = Orders({{"a", 1, LeaseOrder::ACTION_STOP, 10}});
  EXPECT_THAT(Brief(table_.OnOrders(stop, kT0)), ElementsAre(std::pair(Kind::kCancel, "a@1")));
  EXPECT_EQ(Only(table_).phase(), HeldLease::PHASE_STOPPING);
  EXPECT_EQ(table_.NextDeadline(), kT0 + absl::Seconds(8));
  // The order repeats with every message; the time to obey does not grow.
  EXPECT_THAT(table_.OnOrders(stop, kT0 + absl::Seconds(5)), IsEmpty());
  EXPECT_THAT(table_.OnTick(kT0 + absl::Seconds(7)), IsEmpty());
  EXPECT_THAT(Brief(table_.OnTick(kT0 + absl::Seconds(8))),
              ElementsAre(std::pair(Kind::kTerminate, "a@1")));
  EXPECT_THAT(table_.OnTick(kT0 + absl::Seconds(9)), IsEmpty());
  EXPECT_THAT(Brief(table_.OnTick(kT0 + absl::Seconds(10))),
              ElementsAre(std::pair(Kind::kKill, "a@1")));
  EXPECT_THAT(table_.OnTick(kT0 + absl::Seconds(99)), IsEmpty());
  EXPECT_EQ(table_.NextDeadline(), absl::InfiniteDuration());
}

TEST_F(LeaseTableTest, GraceZeroKillsAtOnce) {
  table_.OnOrders(Orders({{"a"}}), kT0);
  EXPECT_THAT(Brief(table_.OnOrders(Orders({{"a", 1, LeaseOrder::ACTION_STOP, 0}}), kT0)),
              ElementsAre(std::pair(Kind::kKill, "a@1")));
  EXPECT_EQ(table_.stop({"a", 1}), StopKind::kCancel);
  EXPECT_THAT(table_.OnTick(kT0 + absl::Seconds(1)), IsEmpty());
}

TEST_F(LeaseTableTest, ShorterGraceOfARepeatedStopCounts) {
  table_.OnOrders(Orders({{"a"}}), kT0);
  table_.OnOrders(Orders({{"a", 1, LeaseOrder::ACTION_STOP, 30}}), kT0);
  table_.OnOrders(Orders({{"a", 1, LeaseOrder::ACTION_STOP, 0}}), kT0 + absl::Seconds(1));
  EXPECT_THAT(Brief(table_.OnTick(kT0 + absl::Seconds(1))),
              ElementsAre(std::pair(Kind::kTerminate, "a@1"), std::pair(Kind::kKill, "a@1")));
}

TEST_F(LeaseTableTest, StrongerStopReplacesWeakerNeverTheOtherWay) {
  table_.OnOrders(Orders({{"a"}}), kT0);
  const auto order = [&](LeaseOrder::Action action) {
    return Brief(table_.OnOrders(Orders({{"a", 1, action, 30}}), kT0));
  };
  EXPECT_THAT(order(LeaseOrder::ACTION_FINISH_EARLY),
              ElementsAre(std::pair(Kind::kFinishEarly, "a@1")));
  EXPECT_EQ(Only(table_).phase(), HeldLease::PHASE_STARTING);  // it still runs
  EXPECT_THAT(order(LeaseOrder::ACTION_CHECKPOINT_AND_STOP),
              ElementsAre(std::pair(Kind::kCheckpoint, "a@1")));
  EXPECT_THAT(order(LeaseOrder::ACTION_FINISH_EARLY), IsEmpty());
  EXPECT_THAT(order(LeaseOrder::ACTION_STOP), ElementsAre(std::pair(Kind::kCancel, "a@1")));
  EXPECT_THAT(order(LeaseOrder::ACTION_CHECKPOINT_AND_STOP), IsEmpty());
  EXPECT_THAT(order(LeaseOrder::ACTION_RUN), IsEmpty());
  EXPECT_EQ(table_.stop({"a", 1}), StopKind::kCancel);
  EXPECT_EQ(Only(table_).phase(), HeldLease::PHASE_STOPPING);
}

TEST_F(LeaseTableTest, FinishEarlyHasNoDeadline) {
  table_.OnOrders(Orders({{"a"}}), kT0);
  table_.OnOrders(Orders({{"a", 1, LeaseOrder::ACTION_FINISH_EARLY, 1}}), kT0);
  EXPECT_EQ(table_.NextDeadline(), absl::InfiniteDuration());
  EXPECT_THAT(table_.OnTick(kT0 + absl::Hours(2)), IsEmpty());
}

TEST_F(LeaseTableTest, FinishedIsKeptUntilAnsweredWhateverTheOrdersSay) {
  table_.OnOrders(Orders({{"a"}}), kT0);
  table_.OnStep({"a", 1}, 41);
  table_.OnEnded({"a", 1});
  EXPECT_EQ(table_.active(), 0);
  EXPECT_THAT(table_.OnOrders(Orders({}), kT0), IsEmpty());
  EXPECT_THAT(table_.OnOrders(Orders({{"a", 1, LeaseOrder::ACTION_STOP, 0}}), kT0), IsEmpty());
  EXPECT_EQ(Only(table_).phase(), HeldLease::PHASE_FINISHED);
  EXPECT_EQ(Only(table_).step(), 41);
  table_.OnClosed({"a", 1});
  EXPECT_TRUE(table_.Held().empty());
}

TEST_F(LeaseTableTest, FinishedFreesTheSlotForTheNext) {
  LeaseTable table = Make(1);
  table.OnOrders(Orders({{"a"}}), kT0);
  table.OnEnded({"a", 1});
  EXPECT_THAT(Brief(table.OnOrders(Orders({{"a"}, {"b"}}), kT0)),
              ElementsAre(std::pair(Kind::kStart, "b@1")));
}

TEST_F(LeaseTableTest, FencedWriteKillsAndIsSaidOnce) {
  table_.OnOrders(Orders({{"a"}}), kT0);
  EXPECT_THAT(Brief(table_.OnFenced({"a", 1})), ElementsAre(std::pair(Kind::kFence, "a@1")));
  EXPECT_THAT(table_.OnFenced({"a", 1}), IsEmpty());
  EXPECT_THAT(table_.OnFenced({"never", 1}), IsEmpty());
  // A fenced lease hears nothing else.
  EXPECT_THAT(table_.OnOrders(Orders({{"a", 1, LeaseOrder::ACTION_STOP, 0}}), kT0), IsEmpty());
}

TEST_F(LeaseTableTest, FencedWhileFinishingIsDropped) {
  table_.OnOrders(Orders({{"a"}}), kT0);
  table_.OnEnded({"a", 1});
  EXPECT_THAT(Brief(table_.OnFenced({"a", 1})), ElementsAre(std::pair(Kind::kFence, "a@1")));
  EXPECT_EQ(Only(table_).phase(), HeldLease::PHASE_FINISHED);
}

TEST_F(LeaseTableTest, DetachedTooLongCheckpointsAndStops) {
  table_.OnOrders(Orders({{"a"}}), kT0);
  EXPECT_EQ(table_.NextDeadline(), kT0 + absl::Minutes(10));
  EXPECT_THAT(table_.OnTick(kT0 + absl::Minutes(10) - absl::Seconds(1)), IsEmpty());
  const absl::Duration late = kT0 + absl::Minutes(10);
  EXPECT_THAT(Brief(table_.OnTick(late)), ElementsAre(std::pair(Kind::kCheckpoint, "a@1")));
  EXPECT_THAT(table_.OnTick(late), IsEmpty());
  EXPECT_THAT(Brief(table_.OnTick(late + absl::Seconds(30))),
              ElementsAre(std::pair(Kind::kTerminate, "a@1"), std::pair(Kind::kKill, "a@1")));
}

TEST_F(LeaseTableTest, EveryMessageRestartsTheDetachedTime) {
  table_.OnOrders(Orders({{"a"}}), kT0);
  table_.OnOrders(Orders({}, false), kT0 + absl::Minutes(9));
  EXPECT_THAT(table_.OnTick(kT0 + absl::Minutes(18)), IsEmpty());
  EXPECT_EQ(table_.NextDeadline(), kT0 + absl::Minutes(19));
}

TEST_F(LeaseTableTest, DrainLetsWhatRunsRunUntilItsDeadlineAndTakesNothing) {
  table_.OnOrders(Orders({{"a"}}), kT0);
  EXPECT_THAT(table_.OnDrain(kT0), IsEmpty());
  EXPECT_EQ(Only(table_).phase(), HeldLease::PHASE_STARTING);
  EXPECT_EQ(table_.NextDeadline(), kT0 + absl::Seconds(30));
  // Asking again does not extend it.
  EXPECT_THAT(table_.OnDrain(kT0 + absl::Seconds(20)), IsEmpty());
  EXPECT_THAT(table_.OnTick(kT0 + absl::Seconds(29)), IsEmpty());
  EXPECT_THAT(Brief(table_.OnTick(kT0 + absl::Seconds(30))),
              ElementsAre(std::pair(Kind::kCheckpoint, "a@1")));
  EXPECT_THAT(table_.OnTick(kT0 + absl::Seconds(31)), IsEmpty());
  EXPECT_EQ(table_.NextDeadline(), kT0 + absl::Seconds(58));  // SIGTERM
  EXPECT_THAT(table_.OnOrders(Orders({{"a"}, {"b"}}), kT0), IsEmpty());
  EXPECT_EQ(table_.Held()[1].phase(), HeldLease::PHASE_REJECTED);
  EXPECT_THAT(table_.Held()[1].reason(), testing::StartsWith("DRAINING"));
}

TEST_F(LeaseTableTest, DrainWithoutADeadlineStopsAtOnce) {
  LeaseTable::Options options;
  options.drain_deadline = absl::ZeroDuration();
  LeaseTable table(options, kT0);
  table.OnOrders(Orders({{"a"}}), kT0);
  EXPECT_THAT(Brief(table.OnDrain(kT0)), ElementsAre(std::pair(Kind::kCheckpoint, "a@1")));
  EXPECT_THAT(table.OnDrain(kT0), IsEmpty());
}

TEST_F(LeaseTableTest, OrderThatWasUnderWayWhenTheLeaseClosedIsIgnored) {
  table_.OnOrders(Orders({{"a", 2}}), kT0);
  table_.OnEnded({"a", 2});
  table_.OnClosed({"a", 2});
  EXPECT_THAT(table_.OnOrders(Orders({{"a", 2}}), kT0), IsEmpty());
  EXPECT_THAT(table_.OnOrders(Orders({{"a", 1}}), kT0), IsEmpty());
  EXPECT_TRUE(table_.Held().empty());
  // The next grant is another one.
  EXPECT_THAT(Brief(table_.OnOrders(Orders({{"a", 3}}), kT0)),
              ElementsAre(std::pair(Kind::kStart, "a@3")));
}

TEST_F(LeaseTableTest, ClosedLeasesAreForgottenWithTheRegistration) {
  table_.OnOrders(Orders({{"a", 2}}), kT0);
  table_.OnClosed({"a", 2});
  // A coordinator with an empty store counts epochs from the start again.
  ConnectResponse other = Orders({{"a", 1}});
  other.set_registration("another");
  EXPECT_THAT(Brief(table_.OnOrders(other, kT0)), ElementsAre(std::pair(Kind::kStart, "a@1")));
}

TEST_F(LeaseTableTest, MemoryOfClosedLeasesIsBounded) {
  for (int i = 0; i < 5000; ++i) {
    table_.OnClosed({"job" + std::to_string(i), 1});
  }
  EXPECT_THAT(table_.OnOrders(Orders({{"job4999"}}), kT0), IsEmpty());
  EXPECT_EQ(table_.OnOrders(Orders({{"job0"}}), kT0).size(), 1u);
}

TEST_F(LeaseTableTest, RefusedLeasesDoNotKeepTheWorkerBusy) {
  table_.OnDrain(kT0);
  table_.OnOrders(Orders({{"a"}}), kT0);
  EXPECT_EQ(table_.Held().size(), 1u);
  EXPECT_TRUE(table_.idle());
}

TEST_F(LeaseTableTest, RestoredResultsAreReportedAsFinished) {
  table_.Restore({"old", 4}, 99);
  EXPECT_EQ(Only(table_).phase(), HeldLease::PHASE_FINISHED);
  EXPECT_EQ(Only(table_).step(), 99);
  EXPECT_EQ(table_.active(), 0);
  EXPECT_THAT(table_.OnOrders(Orders({{"old", 4}}), kT0), IsEmpty());
}

TEST(LeaseIdTest, FolderNamesAreSafeAndDistinct) {
  const std::string a = FolderName({"projects/default/jobs/run-1", 2});
  EXPECT_EQ(a.substr(0, 8), "run-1-2-");
  EXPECT_NE(a, FolderName({"projects/other/jobs/run-1", 2}));
  EXPECT_NE(a, FolderName({"projects/default/jobs/run-1", 3}));
  const std::string hostile = FolderName({"../../etc/" + std::string(500, '.') + "\n/..", 1});
  EXPECT_EQ(hostile.find('/'), std::string::npos);
  EXPECT_NE(hostile[0], '.');
  EXPECT_LE(hostile.size(), 96u);
}

}  // namespace
}  // namespace graphkiln::worker
