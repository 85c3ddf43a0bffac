#include "services/worker/daemon/lease_end.h"

#include <signal.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graphkiln::worker {
namespace {

using trainer::v1::Finished;
using v1::FinishLeaseRequest;

const LeaseId kId{"projects/default/jobs/j", 3};

TrainerEnd Died(int signal, int exit_code = -1) {
  TrainerEnd end;
  end.exit.signal = signal;
  end.exit.exit_code = exit_code;
  end.exit.log_tail = "tail\n";
  return end;
}

TEST(LeaseEndTest, TrainersOwnWordIsTakenOver) {
  TrainerEnd end = Died(0, 0);
  end.step = 90;
  end.peak_bytes = 1000;
  end.finished.emplace();
  end.finished->set_outcome(Finished::OUTCOME_SUCCEEDED);
  end.finished->set_step(100);
  end.finished->set_epoch(5);
  end.finished->set_stopped_early(true);
  (*end.finished->mutable_metrics())["test_accuracy"] = 0.5;
  end.finished->mutable_measured()->set_steps_per_second(12);
  const FinishLeaseRequest request = DescribeEnd(kId, end);
  EXPECT_EQ(request.job(), kId.job);
  EXPECT_EQ(request.lease_epoch(), 3);
  EXPECT_EQ(request.outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
  EXPECT_EQ(request.step(), 100);
  EXPECT_EQ(request.epoch(), 5);
  EXPECT_TRUE(request.stopped_early());
  EXPECT_EQ(request.metrics().at("test_accuracy"), 0.5);
  EXPECT_EQ(request.measured().steps_per_second(), 12);
  EXPECT_EQ(request.measured().peak_bytes(), 1000);
  EXPECT_EQ(request.log_tail(), "");
}

TEST(LeaseEndTest, EveryOutcomeOfTheTrainerHasItsCounterpart) {
  const std::pair<Finished::Outcome, FinishLeaseRequest::Outcome> pairs[] = {
      {Finished::OUTCOME_SUCCEEDED, FinishLeaseRequest::OUTCOME_SUCCEEDED},
      {Finished::OUTCOME_FAILED_USER, FinishLeaseRequest::OUTCOME_FAILED_USER},
      {Finished::OUTCOME_FAILED_INFRA, FinishLeaseRequest::OUTCOME_FAILED_INFRA},
      {Finished::OUTCOME_CANCELLED, FinishLeaseRequest::OUTCOME_CANCELLED},
      {Finished::OUTCOME_RELEASED, FinishLeaseRequest::OUTCOME_RELEASED},
      {Finished::OUTCOME_UNSPECIFIED, FinishLeaseRequest::OUTCOME_FAILED_INFRA}};
  for (const auto& [from, to] : pairs) {
    TrainerEnd end = Died(0, 0);
    end.finished.emplace().set_outcome(from);
    EXPECT_EQ(DescribeEnd(kId, end).outcome(), to) << from;
  }
}

TEST(LeaseEndTest, FailuresCarryTheLog) {
  TrainerEnd end = Died(0, 1);
  end.finished.emplace().set_outcome(Finished::OUTCOME_FAILED_USER);
  end.finished->set_reason("DATA_INVALID: row 7");
  const FinishLeaseRequest request = DescribeEnd(kId, end);
  EXPECT_EQ(request.reason(), "DATA_INVALID: row 7");
  EXPECT_EQ(request.log_tail(), "tail\n");
}

TEST(LeaseEndTest, CrashNamesSignalStepAndLastLine) {
  TrainerEnd end = Died(SIGSEGV);
  end.step = 17;
  end.exit.last_line = "about to fail";
  const FinishLeaseRequest request = DescribeEnd(kId, end);
  EXPECT_EQ(request.outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  EXPECT_EQ(request.reason(), "TRAINER_CRASHED: signal 11 (SIGSEGV) after step 17: about to fail");
  EXPECT_EQ(request.step(), 17);
}

TEST(LeaseEndTest, OutOfMemoryIsToldFromAnOrdinaryKill) {
  TrainerEnd end = Died(SIGKILL);
  EXPECT_THAT(DescribeEnd(kId, end).reason(),
              testing::StartsWith("TRAINER_CRASHED: signal 9 (SIGKILL)"));
  end.out_of_memory = true;
  EXPECT_THAT(DescribeEnd(kId, end).reason(), testing::StartsWith("OUT_OF_MEMORY: "));
  EXPECT_EQ(DescribeEnd(kId, end).outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  // Another signal is a crash even when something else was killed at the same time.
  end.exit.signal = SIGABRT;
  EXPECT_THAT(DescribeEnd(kId, end).reason(), testing::StartsWith("TRAINER_CRASHED: signal 6"));
}

TEST(LeaseEndTest, SilentExitIsACrashWhateverItsCode) {
  EXPECT_EQ(DescribeEnd(kId, Died(0, 0)).reason(), "TRAINER_CRASHED: exit code 0");
  EXPECT_EQ(DescribeEnd(kId, Died(0, 99)).reason(), "TRAINER_CRASHED: exit code 99");
}

TEST(LeaseEndTest, KilledOnRequestIsNoFailure) {
  TrainerEnd end = Died(SIGKILL);
  end.stop = StopKind::kCancel;
  EXPECT_EQ(DescribeEnd(kId, end).outcome(), FinishLeaseRequest::OUTCOME_CANCELLED);
  end.stop = StopKind::kCheckpoint;
  end.signalled = true;
  EXPECT_EQ(DescribeEnd(kId, end).outcome(), FinishLeaseRequest::OUTCOME_RELEASED);
  EXPECT_THAT(DescribeEnd(kId, end).reason(), testing::StartsWith("GRACE_OVER: "));
  end.stop = StopKind::kFinishEarly;
  EXPECT_EQ(DescribeEnd(kId, end).outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
}

TEST(LeaseEndTest, OnlyOurOwnSignalMeansThatTheGraceIsOver) {
  TrainerEnd end = Died(SIGKILL);
  end.stop = StopKind::kCheckpoint;
  // Somebody else's: the system's for lack of memory, an operator's.
  end.out_of_memory = true;
  EXPECT_EQ(DescribeEnd(kId, end).outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  EXPECT_THAT(DescribeEnd(kId, end).reason(), testing::StartsWith("OUT_OF_MEMORY: "));
  end.signalled = true;
  EXPECT_EQ(DescribeEnd(kId, end).outcome(), FinishLeaseRequest::OUTCOME_RELEASED);
  end.exit.signal = SIGSEGV;
  EXPECT_EQ(DescribeEnd(kId, end).outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  EXPECT_THAT(DescribeEnd(kId, end).reason(), testing::StartsWith("TRAINER_CRASHED: signal 11"));
  end.exit.signal = SIGTERM;
  EXPECT_THAT(DescribeEnd(kId, end).reason(), testing::StartsWith("GRACE_OVER: "));
}

TEST(LeaseEndTest, ParentsDeathIsNamed) {
  TrainerEnd end = Died(SIGKILL);
  end.exit.parent_died = true;
  end.exit.error = "the parent ended with signal 9 (SIGKILL)";
  EXPECT_EQ(DescribeEnd(kId, end).reason(),
            "TRAINER_PARENT_DIED: the parent ended with signal 9 (SIGKILL)");
}

TEST(LeaseEndTest, FailedStarts) {
  const auto describe = [](StopKind stop, const absl::Status& status) {
    return DescribeFailedStart(kId, stop, status);
  };
  FinishLeaseRequest request = describe(StopKind::kNone, absl::ResourceExhaustedError("no space"));
  EXPECT_EQ(request.outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  EXPECT_EQ(request.reason(), "DISK_FULL: no space");
  EXPECT_EQ(describe(StopKind::kNone, absl::NotFoundError("x")).reason(), "ARTIFACT_MISSING: x");
  EXPECT_EQ(describe(StopKind::kNone, absl::DataLossError("x")).reason(), "CHECKSUM_MISMATCH: x");
  request = describe(StopKind::kNone, absl::InvalidArgumentError("bad"));
  EXPECT_EQ(request.outcome(), FinishLeaseRequest::OUTCOME_FAILED_USER);
  EXPECT_EQ(describe(StopKind::kCancel, absl::CancelledError("")).outcome(),
            FinishLeaseRequest::OUTCOME_CANCELLED);
  EXPECT_EQ(describe(StopKind::kCheckpoint, absl::CancelledError("")).outcome(),
            FinishLeaseRequest::OUTCOME_RELEASED);
}

}  // namespace
}  // namespace graphkiln::worker
