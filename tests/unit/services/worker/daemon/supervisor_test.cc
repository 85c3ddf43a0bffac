// The supervisor with real (fake-program) trainers and a coordinator in memory: every way in which
// a lease can go.
#include "services/worker/daemon/supervisor.h"

#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/fake_clock.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_coordinator_api.h"
#include "tests/fakes/fake_trainer.h"

namespace graphkiln::worker {
namespace {

using graphkiln::v1::Event;
using testing::HasSubstr;
using testing::StartsWith;
using v1::ConnectResponse;
using v1::FinishLeaseRequest;
using v1::HeldLease;
using v1::LeaseOrder;

constexpr absl::Duration kLong = absl::Seconds(30);
const LeaseId kA{"projects/default/jobs/a", 1};

TrainerPool::Options PoolOptions() {
  TrainerPool::Options options;
  options.program = "/proc/self/exe";
  return options;
}

class SupervisorTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::string> root = MakeTempDir("supervisor");
    ASSERT_TRUE(root.ok());
    root_ = *root;
    ArtifactCache::Options options;
    options.folder = JoinPath(root_, "artifacts");
    options.pause = absl::Milliseconds(1);
    absl::StatusOr<std::unique_ptr<ArtifactCache>> cache = ArtifactCache::Open(options, api_);
    ASSERT_TRUE(cache.ok());
    cache_ = *std::move(cache);
    Restart();
  }
  void TearDown() override {
    supervisor_.reset();
    cache_.reset();
    ASSERT_TRUE(RemoveTree(root_).ok());
  }

  void Restart(absl::Duration drain_deadline = kLong) {
    supervisor_.reset();
    Supervisor::Options options;
    options.table.slots = 2;
    options.table.drain_deadline = drain_deadline;
    options.leases_root = JoinPath(root_, "leases");
    options.first_pause = absl::Milliseconds(2);
    supervisor_ = std::make_unique<Supervisor>(
        options,
        Supervisor::Services{api_, *cache_, pool_, events_, host_, SystemClock(), SystemRandom()},
        [] {});
    ASSERT_TRUE(supervisor_->Recover().ok());
  }

  ConnectResponse Order(const std::string& script,
                        LeaseOrder::Action action = LeaseOrder::ACTION_RUN,
                        int grace_seconds = 30) {
    ConnectResponse response;
    response.set_authoritative(true);
    LeaseOrder* order = response.add_orders();
    order->set_job(kA.job);
    order->set_lease_epoch(kA.epoch);
    order->set_action(action);
    order->mutable_grace()->set_seconds(grace_seconds);
    order->mutable_spec()->mutable_ir();
    (*order->mutable_spec()->mutable_job()->mutable_labels())["script"] = script;
    return response;
  }

  FinishLeaseRequest WaitFinish() {
    EXPECT_TRUE(api_.WaitUntil([&] { return !api_.finishes.empty(); }));
    EXPECT_TRUE(supervisor_->WaitIdle(false, kLong));
    return api_.finishes.empty() ? FinishLeaseRequest() : api_.finishes[0];
  }
  bool WaitStep() {
    return events_.WaitFor(kA, [](const Event& event) { return event.has_step(); });
  }
  std::vector<HeldLease> Held() {
    v1::ConnectRequest report;
    supervisor_->FillHeld(&report);
    return {report.held().begin(), report.held().end()};
  }
  size_t Folders() { return ListDir(JoinPath(root_, "leases"))->size(); }

  std::string root_;
  fake::FakeCoordinatorApi api_;
  fake::FakeEventSink events_;
  HostFacts host_;
  TrainerPool pool_{PoolOptions(), SystemClock()};
  std::unique_ptr<ArtifactCache> cache_;
  std::unique_ptr<Supervisor> supervisor_;
};

TEST_F(SupervisorTest, JobRunsToItsEndWithArtifacts) {
  supervisor_->OnOrders(Order("started steps:5 epoch finish"));
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.job(), kA.job);
  EXPECT_EQ(finish.lease_epoch(), 1);
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
  EXPECT_EQ(finish.step(), 5);
  EXPECT_EQ(finish.epoch(), 1);
  EXPECT_EQ(finish.metrics().at("test_accuracy"), 0.875);
  const std::string sha256 = finish.artifacts().at("weights.safetensors");
  EXPECT_EQ(api_.artifacts.at(sha256), "weights of step 5");
  EXPECT_EQ(finish.last_event_seq(), events_.events(kA).size());
  EXPECT_TRUE(events_.closed(kA));
  EXPECT_EQ(Folders(), 0u);
  int steps = 0;
  for (const Event& event : events_.events(kA)) {
    steps += event.has_step() ? 1 : 0;
    EXPECT_TRUE(event.has_time());
  }
  EXPECT_EQ(steps, 5);
}

TEST_F(SupervisorTest, DataWeightsAndCheckpointAreFetched) {
  ConnectResponse orders = Order("finish");
  v1::LeaseSpec* spec = orders.mutable_orders(0)->mutable_spec();
  spec->mutable_job()->mutable_data()->mutable_csv()->set_artifact(api_.Put("a,b\n1,2\n"));
  spec->mutable_resume_from()->set_artifact(api_.Put("container"));
  supervisor_->OnOrders(orders);
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
  EXPECT_EQ(api_.downloads, 2);
}

TEST_F(SupervisorTest, MissingDataIsAnInfrastructureFailure) {
  ConnectResponse orders = Order("finish");
  orders.mutable_orders(0)
      ->mutable_spec()
      ->mutable_job()
      ->mutable_data()
      ->mutable_csv()
      ->set_artifact(Sha256Hex("gone"));
  supervisor_->OnOrders(orders);
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  EXPECT_THAT(finish.reason(), StartsWith("ARTIFACT_MISSING: "));
}

TEST_F(SupervisorTest, UnresolvedDataIsTheUsersFailure) {
  ConnectResponse orders = Order("finish");
  orders.mutable_orders(0)->mutable_spec()->mutable_job()->mutable_data()->set_dataset("iris");
  supervisor_->OnOrders(orders);
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_FAILED_USER);
}

TEST_F(SupervisorTest, CrashIsReportedWithSignalStepAndLogAndTheWorkerGoesOn) {
  supervisor_->OnOrders(Order("started steps:3 log:goodbye signal:11"));
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  EXPECT_EQ(finish.reason(), "TRAINER_CRASHED: signal 11 (SIGSEGV) after step 3: goodbye");
  EXPECT_THAT(finish.log_tail(), HasSubstr("goodbye"));
  EXPECT_TRUE(events_.WaitFor(kA, [](const Event& e) { return e.log().message() == "goodbye"; }));

  api_.Set([](auto& api) { api.finishes.clear(); });
  ConnectResponse next = Order("finish");
  next.mutable_orders(0)->set_lease_epoch(2);
  supervisor_->OnOrders(next);
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
}

TEST_F(SupervisorTest, UsersErrorIsTheTrainersWord) {
  supervisor_->OnOrders(Order("started user_error:row-7"));
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_FAILED_USER);
  EXPECT_EQ(finish.reason(), "DATA_INVALID: row-7");
}

TEST_F(SupervisorTest, DamagedCacheIsNeverTheUsersFault) {
  const std::string sha256 = api_.Put("a,b\n1,2\n");
  Cancellation none;
  ASSERT_TRUE(cache_->Get(sha256, none).ok());
  // The data are in use and the checkpoint is on its way when the data's file goes.
  api_.Set([](auto& api) { api.block_downloads = true; });
  ConnectResponse orders = Order("started user_error:row-7");
  v1::LeaseSpec* spec = orders.mutable_orders(0)->mutable_spec();
  spec->mutable_job()->mutable_data()->mutable_csv()->set_artifact(sha256);
  spec->mutable_resume_from()->set_artifact(api_.Put("container"));
  supervisor_->OnOrders(orders);
  ASSERT_TRUE(api_.WaitUntil([&] { return api_.downloads == 2; }));
  ASSERT_TRUE(RemoveFile(JoinPath(root_, "artifacts/" + sha256)).ok());
  api_.Set([](auto& api) { api.block_downloads = false; });
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  EXPECT_THAT(finish.reason(), StartsWith("CACHE_DAMAGED: "));
  EXPECT_THAT(finish.reason(), HasSubstr("DATA_INVALID: row-7"));
}

TEST_F(SupervisorTest, CheckpointIsUploadedCommittedAndReleased) {
  supervisor_->OnOrders(Order("started steps:4 checkpoint wait"));
  ASSERT_TRUE(api_.WaitUntil([&] { return !api_.commits.empty(); }));
  EXPECT_EQ(api_.commits[0].lease_epoch(), 1);
  EXPECT_EQ(api_.commits[0].checkpoint().step(), 4);
  EXPECT_EQ(api_.artifacts.at(api_.commits[0].checkpoint().artifact()), "checkpoint of step 4");
  // The trainer hears that it may remove the file.
  EXPECT_TRUE(events_.WaitFor(
      kA, [](const Event& event) { return event.log().message().find("committed ") == 0; }));
  supervisor_->OnOrders(Order("", LeaseOrder::ACTION_STOP));
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_CANCELLED);
}

TEST_F(SupervisorTest, CheckpointAndStopCommitsThenReleases) {
  supervisor_->OnOrders(Order("started steps:6 wait"));
  ASSERT_TRUE(WaitStep());
  EXPECT_EQ(Held()[0].phase(), HeldLease::PHASE_RUNNING);
  supervisor_->OnOrders(Order("", LeaseOrder::ACTION_CHECKPOINT_AND_STOP));
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_RELEASED);
  ASSERT_EQ(api_.commits.size(), 1u);
  EXPECT_EQ(api_.commits[0].checkpoint().step(), 6);
}

TEST_F(SupervisorTest, FinishEarlySucceedsEarly) {
  supervisor_->OnOrders(Order("started steps:1 wait"));
  ASSERT_TRUE(WaitStep());
  supervisor_->OnOrders(Order("", LeaseOrder::ACTION_FINISH_EARLY));
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
  EXPECT_TRUE(finish.stopped_early());
}

TEST_F(SupervisorTest, FinishEarlyWithTheOfferReachesTheTrainer) {
  supervisor_->OnOrders(Order("wait", LeaseOrder::ACTION_FINISH_EARLY));
  EXPECT_TRUE(WaitFinish().stopped_early());
}

TEST_F(SupervisorTest, DeafTrainerIsKilledAfterTheGrace) {
  supervisor_->OnOrders(Order("noterm started steps:1 deaf"));
  ASSERT_TRUE(WaitStep());
  supervisor_->OnOrders(Order("", LeaseOrder::ACTION_STOP, /*grace_seconds=*/1));
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_CANCELLED);
  EXPECT_THAT(finish.reason(), HasSubstr("SIGKILL"));
}

TEST_F(SupervisorTest, GraceZeroKillsAtOnce) {
  supervisor_->OnOrders(Order("started steps:1 deaf"));
  ASSERT_TRUE(WaitStep());
  supervisor_->OnOrders(Order("", LeaseOrder::ACTION_STOP, 0));
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_CANCELLED);
}

TEST_F(SupervisorTest, CancelWhileFetchingEndsAtOnce) {
  api_.Set([](auto& api) { api.block_downloads = true; });
  ConnectResponse orders = Order("finish");
  orders.mutable_orders(0)
      ->mutable_spec()
      ->mutable_job()
      ->mutable_data()
      ->mutable_csv()
      ->set_artifact(api_.Put("x"));
  supervisor_->OnOrders(orders);
  ASSERT_TRUE(api_.WaitUntil([&] { return api_.downloads == 1; }));
  EXPECT_EQ(Held()[0].phase(), HeldLease::PHASE_STARTING);
  supervisor_->OnOrders(Order("", LeaseOrder::ACTION_STOP));
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_CANCELLED);
}

TEST_F(SupervisorTest, FencedLeaseIsKilledAndNothingIsSent) {
  supervisor_->OnOrders(Order("started steps:1 deaf"));
  ASSERT_TRUE(WaitStep());
  ConnectResponse none;
  none.set_authoritative(true);
  supervisor_->OnOrders(none);
  ASSERT_TRUE(supervisor_->WaitIdle(false, kLong));
  EXPECT_EQ(api_.finish_attempts, 0);
  EXPECT_EQ(Folders(), 0u);
}

TEST_F(SupervisorTest, FencedCheckpointStopsTheTrainer) {
  api_.Set([](auto& api) { api.fenced = true; });
  supervisor_->OnOrders(Order("started steps:1 checkpoint deaf"));
  ASSERT_TRUE(supervisor_->WaitIdle(false, kLong));
  EXPECT_EQ(api_.finish_attempts, 0);
}

TEST_F(SupervisorTest, FencedFinishIsSettled) {
  api_.Set([](auto& api) { api.fenced = true; });
  supervisor_->OnOrders(Order("started finish"));
  ASSERT_TRUE(supervisor_->WaitIdle(false, kLong));
  EXPECT_EQ(api_.finish_attempts, 1);
  EXPECT_EQ(Folders(), 0u);
}

TEST_F(SupervisorTest, ResultWaitsForACoordinatorThatIsAway) {
  api_.Set([](auto& api) { api.unreachable = absl::UnavailableError("down"); });
  supervisor_->OnOrders(Order("started steps:2 finish"));
  ASSERT_TRUE(supervisor_->WaitIdle(/*active_only=*/true, kLong));
  ASSERT_EQ(Held().size(), 1u);
  EXPECT_EQ(Held()[0].phase(), HeldLease::PHASE_FINISHED);
  EXPECT_EQ(Folders(), 1u);
  api_.Set([](auto& api) { api.unreachable = absl::OkStatus(); });
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
}

TEST_F(SupervisorTest, ResultSurvivesARestartOfTheWorker) {
  api_.Set([](auto& api) { api.unreachable = absl::UnavailableError("down"); });
  supervisor_->OnOrders(Order("started steps:2 finish"));
  ASSERT_TRUE(supervisor_->WaitIdle(/*active_only=*/true, kLong));
  supervisor_.reset();
  EXPECT_EQ(Folders(), 1u);
  const uint64_t events = events_.last_seq(kA);
  EXPECT_GE(events, 2u);
  events_.Forget();
  Restart();
  ASSERT_EQ(Held().size(), 1u);
  EXPECT_EQ(Held()[0].phase(), HeldLease::PHASE_FINISHED);
  EXPECT_EQ(Held()[0].job(), kA.job);
  EXPECT_EQ(events_.last_seq(kA), 0u);
  api_.Set([](auto& api) { api.unreachable = absl::OkStatus(); });
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
  EXPECT_EQ(api_.artifacts.at(finish.artifacts().at("weights.safetensors")), "weights of step 2");
  // What the earlier process could not send is a hole that the coordinator hears of.
  EXPECT_EQ(finish.last_event_seq(), events);
  EXPECT_EQ(Folders(), 0u);
}

TEST_F(SupervisorTest, UnstoredCheckpointGoesAlongWithTheEnd) {
  api_.Set([](auto& api) { api.unreachable = absl::UnavailableError("down"); });
  supervisor_->OnOrders(Order("started steps:3 checkpoint signal:9"));
  ASSERT_TRUE(supervisor_->WaitIdle(/*active_only=*/true, kLong));
  api_.Set([](auto& api) { api.unreachable = absl::OkStatus(); });
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  ASSERT_EQ(api_.commits.size(), 1u);
  EXPECT_EQ(api_.commits[0].checkpoint().step(), 3);
}

TEST_F(SupervisorTest, UnstoredBestCheckpointIsNotSupersededByANewerOrdinaryOne) {
  api_.Set([](auto& api) { api.unreachable = absl::UnavailableError("down"); });
  supervisor_->OnOrders(
      Order("started steps:3 best steps:2 checkpoint steps:1 checkpoint signal:9"));
  ASSERT_TRUE(supervisor_->WaitIdle(/*active_only=*/true, kLong));
  api_.Set([](auto& api) { api.unreachable = absl::OkStatus(); });
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  ASSERT_EQ(api_.commits.size(), 2u);
  EXPECT_EQ(api_.commits[0].checkpoint().step(), 3);
  EXPECT_TRUE(api_.commits[0].checkpoint().best());
  EXPECT_EQ(api_.commits[1].checkpoint().step(), 6);
  EXPECT_FALSE(api_.commits[1].checkpoint().best());
}

TEST_F(SupervisorTest, UnstoredBestCheckpointIsAResultOfASuccessfulJob) {
  api_.Set([](auto& api) { api.unreachable = absl::UnavailableError("down"); });
  supervisor_->OnOrders(Order("started steps:3 best steps:2 checkpoint finish"));
  ASSERT_TRUE(supervisor_->WaitIdle(/*active_only=*/true, kLong));
  Restart();  // also a later process hands it over
  api_.Set([](auto& api) { api.unreachable = absl::OkStatus(); });
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
  ASSERT_EQ(api_.commits.size(), 1u);
  EXPECT_EQ(api_.commits[0].checkpoint().step(), 3);
  EXPECT_TRUE(api_.commits[0].checkpoint().best());
}

TEST_F(SupervisorTest, CrashWhileGivingBackIsACrash) {
  supervisor_->OnOrders(Order("brittle started steps:6 wait"));
  ASSERT_TRUE(WaitStep());
  supervisor_->OnOrders(Order("", LeaseOrder::ACTION_CHECKPOINT_AND_STOP));
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  EXPECT_THAT(finish.reason(), StartsWith("TRAINER_CRASHED: signal 11"));
}

TEST_F(SupervisorTest, TrainerThatDoesNotGiveBackInTimeIsReleasedWithItsReason) {
  supervisor_->OnOrders(Order("noterm started steps:1 deaf"));
  ASSERT_TRUE(WaitStep());
  supervisor_->OnOrders(Order("", LeaseOrder::ACTION_CHECKPOINT_AND_STOP, /*grace_seconds=*/1));
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_RELEASED);
  EXPECT_THAT(finish.reason(), StartsWith("GRACE_OVER: "));
}

TEST_F(SupervisorTest, RefusedStorageIsAnInfrastructureFailureWithAReason) {
  api_.Set([](auto& api) { api.upload_error = absl::ResourceExhaustedError("no space left"); });
  supervisor_->OnOrders(Order("started finish"));
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  EXPECT_THAT(finish.reason(), StartsWith("STORAGE_UNAVAILABLE: "));
  EXPECT_THAT(finish.reason(), HasSubstr("no space left"));
  EXPECT_EQ(finish.artifacts_size(), 0);
}

TEST_F(SupervisorTest, RefusedCheckpointDoesNotStopTraining) {
  api_.Set([](auto& api) { api.upload_error = absl::ResourceExhaustedError("no space left"); });
  supervisor_->OnOrders(Order("started steps:1 checkpoint wait"));
  ASSERT_TRUE(events_.WaitFor(kA, [](const Event& event) {
    return event.log().level() == "warning" &&
           event.log().message().find("no space left") != std::string::npos;
  }));
  EXPECT_EQ(Held()[0].phase(), HeldLease::PHASE_RUNNING);
  supervisor_->OnOrders(Order("", LeaseOrder::ACTION_STOP));
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_CANCELLED);
}

TEST_F(SupervisorTest, OneRefusalOfTheResultIsTriedAgainAsItIs) {
  api_.Set([](auto& api) { api.finish_errors = {absl::InternalError("hiccup")}; });
  supervisor_->OnOrders(Order("started finish"));
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
  EXPECT_EQ(api_.finish_attempts, 2);
}

TEST_F(SupervisorTest, StorageThatIsFullForAWhileCostsNothing) {
  const absl::Status full = MakeCallError(absl::StatusCode::kResourceExhausted,
                                          "the storage refuses writes", "STORAGE_UNAVAILABLE", "");
  api_.Set([&](auto& api) {
    api.upload_error = full;
    api.finish_errors.assign(8, full);
  });
  supervisor_->OnOrders(Order("started steps:3 finish"));
  ASSERT_TRUE(api_.WaitUntil([&] { return api_.uploads > 6; }));
  EXPECT_EQ(Folders(), 1u);
  api_.Set([](auto& api) { api.upload_error = absl::OkStatus(); });
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED) << finish.reason();
  EXPECT_EQ(finish.artifacts_size(), 1);
  EXPECT_EQ(api_.finish_attempts, 9);
}

TEST_F(SupervisorTest, FaultsOfTheCoordinatorNeverCostAResult) {
  api_.Set([](auto& api) { api.finish_errors.assign(9, absl::InternalError("error id 7")); });
  supervisor_->OnOrders(Order("started finish"));
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
}

TEST_F(SupervisorTest, ArtifactThatIsGoneIsStoredAgain) {
  api_.Set([](auto& api) { api.lose_artifacts = true; });
  supervisor_->OnOrders(Order("started steps:2 finish"));
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
  EXPECT_EQ(api_.artifacts.count(finish.artifacts().at("weights.safetensors")), 1u);
}

TEST_F(SupervisorTest, JobThatIsGoneIsSettled) {
  api_.Set([](auto& api) {
    api.finish_errors = {MakeCallError(absl::StatusCode::kNotFound, "x", "NOT_FOUND", "job")};
  });
  supervisor_->OnOrders(Order("started finish"));
  ASSERT_TRUE(api_.WaitUntil([&] { return api_.finish_attempts == 1; }));
  ASSERT_TRUE(supervisor_->WaitIdle(false, kLong));
  EXPECT_EQ(Folders(), 0u);
}

TEST_F(SupervisorTest, ResultThatNobodyTakesStaysOnDisk) {
  api_.Set([](auto& api) { api.finish_errors.assign(2, absl::InvalidArgumentError("job")); });
  supervisor_->OnOrders(Order("started finish"));
  ASSERT_TRUE(api_.WaitUntil([&] { return api_.finish_attempts == 2; }));
  ASSERT_TRUE(supervisor_->WaitIdle(false, kLong));
  EXPECT_EQ(Folders(), 1u);
}

TEST_F(SupervisorTest, EventsAreSentBeforeEveryAttemptToEnd) {
  api_.Set([](auto& api) { api.unreachable = absl::UnavailableError("down"); });
  events_.SetDurable(false);
  supervisor_->OnOrders(Order("started steps:2 user_error:x"));
  ASSERT_TRUE(api_.WaitUntil([&] { return api_.finish_attempts >= 2; }));
  EXPECT_FALSE(events_.last_flush());
  events_.SetDurable(true);
  api_.Set([](auto& api) { api.unreachable = absl::OkStatus(); });
  WaitFinish();
  EXPECT_TRUE(events_.last_flush());
}

TEST_F(SupervisorTest, ResultThatIsRefusedIsReplacedByABareOne) {
  api_.Set([](auto& api) { api.finish_errors = {absl::InvalidArgumentError("artifacts")}; });
  supervisor_->OnOrders(Order("started finish"));
  const FinishLeaseRequest finish = WaitFinish();
  EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_FAILED_INFRA);
  EXPECT_EQ(finish.reason(), "RESULT_REFUSED: artifacts");
  EXPECT_EQ(finish.artifacts_size(), 0);
}

TEST_F(SupervisorTest, DrainLetsRunningJobsEndUntilTheDeadline) {
  supervisor_->OnOrders(Order("started steps:9 wait"));
  ASSERT_TRUE(WaitStep());
  supervisor_->Drain();
  EXPECT_EQ(Held()[0].phase(), HeldLease::PHASE_RUNNING);
  supervisor_->OnOrders(Order("", LeaseOrder::ACTION_FINISH_EARLY));  // it ends by itself
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
  EXPECT_EQ(api_.commits.size(), 0u);
}

TEST_F(SupervisorTest, DrainCheckpointsEverythingAndTakesNothing) {
  Restart(/*drain_deadline=*/absl::ZeroDuration());
  supervisor_->OnOrders(Order("started steps:9 wait"));
  ASSERT_TRUE(WaitStep());
  supervisor_->Drain();
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_RELEASED);
  EXPECT_EQ(api_.commits.size(), 1u);
  ConnectResponse next = Order("finish");
  next.mutable_orders(0)->set_lease_epoch(2);
  supervisor_->OnOrders(next);
  ASSERT_EQ(Held().size(), 1u);
  EXPECT_EQ(Held()[0].phase(), HeldLease::PHASE_REJECTED);
}

TEST_F(SupervisorTest, DeathOfTheParentFailsItsJobsAndTheNextOneRuns) {
  supervisor_->OnOrders(Order("started steps:1 deaf"));
  ASSERT_TRUE(WaitStep());
  ::kill(pool_.state().pid, SIGKILL);
  EXPECT_THAT(WaitFinish().reason(), StartsWith("TRAINER_PARENT_DIED: "));
  api_.Set([](auto& api) { api.finishes.clear(); });
  ConnectResponse next = Order("finish");
  next.mutable_orders(0)->set_lease_epoch(2);
  supervisor_->OnOrders(next);
  EXPECT_EQ(WaitFinish().outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
}

TEST_F(SupervisorTest, EndOfTheProcessKillsTrainersAndForgetsNothingThatIsDone) {
  supervisor_->OnOrders(Order("started steps:1 deaf"));
  ASSERT_TRUE(WaitStep());
  supervisor_.reset();
  EXPECT_EQ(api_.finish_attempts, 0);
  Restart();
  EXPECT_TRUE(Held().empty() || Held()[0].phase() == HeldLease::PHASE_FINISHED);
}

}  // namespace
}  // namespace graphkiln::worker
