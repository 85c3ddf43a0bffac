// The whole daemon against a small coordinator over real gRPC, with fake-program trainers.
#include "services/worker/daemon/daemon.h"

#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_coordinator_server.h"

namespace graphkiln::worker {
namespace {

using fake::CoordinatorState;
using v1::FinishLeaseRequest;
using v1::HeldLease;
using v1::LeaseOrder;
using v1::WorkerStatus;

constexpr char kJob[] = "projects/default/jobs/a";

class DaemonTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::string> root = MakeTempDir("daemon");
    ASSERT_TRUE(root.ok());
    root_ = *root;
    ::setenv("KILN_TRAINER", "/proc/self/exe", 1);
  }
  void TearDown() override {
    daemon_.reset();
    ::unsetenv("KILN_TRAINER");
    ASSERT_TRUE(RemoveTree(root_).ok());
  }

  void Start() {
    DaemonOptions options;
    options.coordinator = server_.endpoint();
    options.state_dir = root_;
    options.name = "w1";
    options.token = "secret";
    options.slots = 2;
    options.drain_deadline = absl::ZeroDuration();
    absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Start(
        options, SystemClock(), SystemRandom(), [this] { ++ready_; },
        [this] {
          ++superseded_;
          server_.Set([](CoordinatorState&) {});  // wakes the test
        });
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_ = *std::move(daemon);
  }

  static void SetOrder(CoordinatorState& state, const std::string& script,
                       LeaseOrder::Action action = LeaseOrder::ACTION_RUN) {
    state.orders.Clear();
    state.orders.set_authoritative(true);
    LeaseOrder* order = state.orders.add_orders();
    order->set_job(kJob);
    order->set_lease_epoch(1);
    order->set_action(action);
    order->mutable_grace()->set_seconds(30);
    order->mutable_spec()->mutable_ir();
    (*order->mutable_spec()->mutable_job()->mutable_labels())["script"] = script;
  }

  static bool Holds(const CoordinatorState& state, HeldLease::Phase phase) {
    return !state.reports.empty() && state.reports.back().held_size() == 1 &&
           state.reports.back().held(0).phase() == phase;
  }

  std::string root_;
  std::atomic<int> ready_ = 0;
  std::atomic<int> superseded_ = 0;
  fake::FakeCoordinatorServer server_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(DaemonTest, FirstReportSaysAllAndMakesItReady) {
  Start();
  ASSERT_TRUE(server_.WaitUntil(
      [&](const CoordinatorState& state) { return !state.reports.empty() && ready_ == 1; }));
  server_.Set([](CoordinatorState& state) {
    const v1::ConnectRequest& report = state.reports[0];
    EXPECT_EQ(report.worker(), "workers/w1");
    EXPECT_FALSE(report.incarnation().empty());
    EXPECT_EQ(report.registration(), "");
    EXPECT_EQ(report.status().state(), WorkerStatus::STATE_ACTIVE);
    EXPECT_EQ(report.inventory().slots(), 2);
    EXPECT_EQ(report.inventory().torch_version(), "9.9.9-fake");
    EXPECT_EQ(report.held_size(), 0);
    EXPECT_EQ(state.token, "Bearer secret");
  });
  // The regular reports follow, with the registration.
  ASSERT_TRUE(server_.WaitUntil([](const CoordinatorState& state) {
    return state.reports.size() > 1 && state.reports.back().registration() == "r-1";
  }));
}

TEST_F(DaemonTest, JobRunsOverTheWire) {
  const std::string data(3'000'000, 'd');
  server_.Set([&](CoordinatorState& state) {
    SetOrder(state, "started steps:5 epoch finish");
    const std::string sha256 = Sha256Hex(data);
    state.artifacts[sha256] = data;
    state.orders.mutable_orders(0)
        ->mutable_spec()
        ->mutable_job()
        ->mutable_data()
        ->mutable_csv()
        ->set_artifact(sha256);
  });
  Start();
  ASSERT_TRUE(
      server_.WaitUntil([](const CoordinatorState& state) { return !state.finishes.empty(); }));
  server_.Set([](CoordinatorState& state) {
    const FinishLeaseRequest& finish = state.finishes[0];
    EXPECT_EQ(finish.outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED) << finish.reason();
    EXPECT_EQ(state.artifacts.at(finish.artifacts().at("weights.safetensors")),
              "weights of step 5");
    // Every event was durable before the end was said.
    ASSERT_FALSE(state.events.empty());
    EXPECT_EQ(state.events.back().worker_seq(), finish.last_event_seq());
    EXPECT_EQ(state.events.size(), finish.last_event_seq());
    int steps = 0;
    for (const v1::LeaseEvent& event : state.events) {
      EXPECT_EQ(event.event().job(), kJob);
      steps += event.event().has_step() ? 1 : 0;
    }
    EXPECT_EQ(steps, 5);
    state.orders.clear_orders();
  });
  ASSERT_TRUE(server_.WaitUntil(
      [](const CoordinatorState& state) { return state.reports.back().held_size() == 0; }));
}

TEST_F(DaemonTest, CoordinatorRestartCostsNothing) {
  server_.Set([](CoordinatorState& state) {
    SetOrder(state, "started steps:3 wait");
    state.acknowledge = false;  // what arrives before the restart is never confirmed
  });
  Start();
  ASSERT_TRUE(server_.WaitUntil([](const CoordinatorState& state) {
    return Holds(state, HeldLease::PHASE_RUNNING) && state.events.size() >= 3;
  }));
  server_.Stop();
  size_t before = 0;
  server_.Set([&](CoordinatorState& state) {
    before = state.reports.size();
    state.acknowledge = true;
    state.orders.set_authoritative(false);  // it recovers and knows nothing
    state.orders.clear_orders();
  });
  server_.Start();
  ASSERT_TRUE(server_.WaitUntil([&](const CoordinatorState& state) {
    return state.reports.size() > before && Holds(state, HeldLease::PHASE_RUNNING) &&
           state.duplicates >= 3;
  }));
  server_.Set([](CoordinatorState& state) {
    EXPECT_EQ(state.reports.back().held(0).last_event_seq(), state.events.back().worker_seq());
    EXPECT_EQ(state.reports.back().incarnation(), state.reports.front().incarnation());
    SetOrder(state, "", LeaseOrder::ACTION_FINISH_EARLY);
  });
  ASSERT_TRUE(
      server_.WaitUntil([](const CoordinatorState& state) { return !state.finishes.empty(); }));
  server_.Set([](CoordinatorState& state) {
    EXPECT_EQ(state.finishes[0].outcome(), FinishLeaseRequest::OUTCOME_SUCCEEDED);
    EXPECT_EQ(state.finishes[0].step(), 3);
  });
}

TEST_F(DaemonTest, FencedEventsStopTheTrainer) {
  server_.Set([](CoordinatorState& state) {
    SetOrder(state, "started steps:1 deaf");
    state.fence_events = true;
  });
  Start();
  ASSERT_TRUE(server_.WaitUntil([](const CoordinatorState& state) {
    return !state.events.empty() && !state.reports.empty() && state.reports.back().held_size() == 0;
  }));
  server_.Set([](CoordinatorState& state) { EXPECT_TRUE(state.finishes.empty()); });
}

TEST_F(DaemonTest, SupersededIsHeard) {
  server_.Set([](CoordinatorState& state) { state.supersede = true; });
  Start();
  // The server notes the token of each attempt; the callback comes right after.
  ASSERT_TRUE(server_.WaitUntil([&](const CoordinatorState&) { return superseded_ >= 1; }));
  EXPECT_EQ(ready_, 0);
}

TEST_F(DaemonTest, DrainCheckpointsReleasesAndSaysGoodbye) {
  server_.Set([](CoordinatorState& state) { SetOrder(state, "started steps:7 wait"); });
  Start();
  ASSERT_TRUE(server_.WaitUntil([](const CoordinatorState& state) {
    return Holds(state, HeldLease::PHASE_RUNNING) && !state.events.empty();
  }));
  daemon_->Drain();
  ASSERT_TRUE(server_.WaitUntil([](const CoordinatorState& state) {
    return state.reports.back().status().state() == WorkerStatus::STATE_DRAINING &&
           !state.finishes.empty();
  }));
  EXPECT_TRUE(daemon_->WaitDrained(absl::Seconds(30)));
  server_.Set([](CoordinatorState& state) {
    EXPECT_EQ(state.finishes[0].outcome(), FinishLeaseRequest::OUTCOME_RELEASED);
    ASSERT_EQ(state.commits.size(), 1u);
    EXPECT_EQ(state.commits[0].checkpoint().step(), 7);
    state.reports.clear();
  });
  daemon_.reset();
  server_.Set([](CoordinatorState& state) {
    ASSERT_FALSE(state.reports.empty());
    EXPECT_EQ(state.reports.back().status().state(), WorkerStatus::STATE_DRAINING);
    EXPECT_EQ(state.reports.back().held_size(), 0);
  });
}

TEST_F(DaemonTest, DrainWithoutCoordinatorDoesNotHang) {
  Start();
  ASSERT_TRUE(
      server_.WaitUntil([](const CoordinatorState& state) { return !state.reports.empty(); }));
  server_.Stop();
  daemon_->Drain();
  EXPECT_TRUE(daemon_->WaitDrained(absl::Seconds(30)));
}

TEST_F(DaemonTest, StateFolderHasOneOwner) {
  Start();
  DaemonOptions options;
  options.coordinator = server_.endpoint();
  options.state_dir = root_;
  EXPECT_EQ(Daemon::Start(
                options, SystemClock(), SystemRandom(), [] {}, [] {})
                .status()
                .code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace graphkiln::worker
