// A small simulation: seeded random histories of users, workers, losses and crashes, with the
// invariants checked after every step.
#include <gtest/gtest.h>

#include "services/coordinator/core/job_queue.h"
#include "tests/fakes/queue_harness.h"

namespace graphkiln::coordinator {
namespace {

using worker::v1::FinishLeaseRequest;
using worker::v1::HeldLease;

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : random_(seed, "queue simulation") {
    for (int i = 0; i < 3; ++i) {
      workers_.push_back(std::make_unique<FakeWorker>(&harness_, fmt::format("w{}", i), 1 + i));
    }
  }

  void Run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      Step();
      const absl::Status held = harness_.queue->CheckInvariants();
      ASSERT_TRUE(held.ok()) << held.message() << " after step " << i;
    }
    Settle();
  }

 private:
  uint64_t Below(uint64_t n) { return random_.NextBelow(n); }
  std::string AnyJob() { return jobs_ == 0 ? "none" : fmt::format("j{}", Below(jobs_)); }
  FakeWorker& AnyWorker() { return *workers_[Below(workers_.size())]; }

  void Step() {
    switch (Below(18)) {
      case 0:
      case 1: {
        SubmitArgs args = harness_.Args(fmt::format("j{}", jobs_++));
        args.spec.set_priority(static_cast<int32_t>(Below(5)));
        // Several kinds of need; a worker has 4 cores, so some fit nowhere.
        args.spec.mutable_resources()->set_cores(static_cast<int32_t>(1 + Below(5)));
        harness_.queue->Submit(std::move(args), [](const auto&) {});
        break;
      }
      case 2:
        harness_.queue->Cancel(AnyJob(), absl::Seconds(Below(3)), [](const auto&) {});
        break;
      case 3:
        harness_.queue->Pause(AnyJob(), [](const auto&) {});
        break;
      case 4:
        harness_.queue->Resume(AnyJob(), [](const auto&) {});
        break;
      case 5:
        if (Below(3) == 0) harness_.queue->Stop(AnyJob(), [](const auto&) {});
        break;
      case 6:
      case 7:
      case 8:
        Report(AnyWorker());
        break;
      case 9:
        Publish(AnyWorker());
        break;
      case 10:
        Finish(AnyWorker());
        break;
      case 11:
        Checkpoint(AnyWorker());
        break;
      case 12:
        // Now and then everybody is silent for longer than a lease lives.
        harness_.Pass(absl::Milliseconds(Below(Below(6) == 0 ? 45'000 : 8'000)));
        break;
      case 13:
        if (Below(4) == 0) AnyWorker().Restart();
        break;
      case 16:
        Operate();
        break;
      case 17: {
        // The stream breaks, while the worker lives on (or that of an old process does).
        const FakeWorker& worker = AnyWorker();
        harness_.queue->StreamClosed(worker.Name(), worker.incarnation);
        break;
      }
      case 14:
        if (Below(10) == 0) {
          harness_.Crash();
        } else if (Below(6) == 0) {
          harness_.store.Refuse(Below(2) == 0);
        }
        break;
      default:
        for (uint64_t i = Below(4); i > 0; --i) harness_.store.FlushOne();
        break;
    }
  }

  void Operate() {
    const auto ignore = [](const auto&) {};
    switch (Below(4)) {
      case 0:
        return harness_.queue->Cordon(AnyWorker().Name(), ignore);
      case 1:
        return harness_.queue->Drain(AnyWorker().Name(), ignore);
      case 2:
        return harness_.queue->Uncordon(AnyWorker().Name(), ignore);
      default:
        AnyWorker().status = Below(3) == 0 ? worker::v1::WorkerStatus::STATE_UNHEALTHY
                                           : worker::v1::WorkerStatus::STATE_ACTIVE;
    }
  }

  // A report, and sometimes the worker obeys the answer; messages are lost, too.
  void Report(FakeWorker& worker) {
    absl::StatusOr<worker::v1::ConnectResponse> wish = harness_.queue->Report(worker.Request());
    ASSERT_TRUE(wish.ok()) << wish.status();
    if (Below(5) == 0) return;  // the answer is lost
    // I8: what is not authoritative stops nothing.
    if (!wish->authoritative()) {
      for (const auto& order : wish->orders()) {
        ASSERT_EQ(order.action(), worker::v1::LeaseOrder::ACTION_RUN);
      }
    }
    for (const auto& order : wish->orders()) {
      const auto [it, first] = seen_.try_emplace(order.job(), order.lease_epoch());
      ASSERT_LE(it->second, order.lease_epoch()) << "I2: an old epoch is offered";
      it->second = order.lease_epoch();
      told_.try_emplace({order.job(), order.lease_epoch()}, worker.incarnation);
    }
    worker.registration = wish->registration();
    worker.wish = *std::move(wish);
    if (Below(4) > 0) worker.TakeOrders();
    if (Below(12) == 0 && !worker.held.empty()) {
      worker.held.begin()->second.set_phase(HeldLease::PHASE_REJECTED);
    }
  }

  const HeldLease* AnyLease(FakeWorker& worker) {
    if (worker.held.empty()) return nullptr;
    auto it = worker.held.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(Below(worker.held.size())));
    return &it->second;
  }

  // A newer lease than this one is known to everybody: it can have no effect (I3).
  bool Stale(const HeldLease& lease) {
    const absl::StatusOr<v1::Job> job = harness_.queue->Get(lease.job());
    return job.ok() && job->lease_epoch() > lease.lease_epoch();
  }

  void Publish(FakeWorker& worker) {
    const HeldLease* lease = AnyLease(worker);
    if (lease == nullptr) return;
    const uint64_t first = 1 + Below(20);
    const bool stale = Stale(*lease);
    harness_.queue->PublishEvents(worker.Steps(lease->job(), first, 1 + static_cast<int>(Below(5)),
                                               static_cast<int64_t>(first)),
                                  [stale](const auto& result) {
                                    EXPECT_FALSE(stale && result.ok() && !result->fenced) << "I3";
                                  });
  }

  void Checkpoint(FakeWorker& worker) {
    const HeldLease* lease = AnyLease(worker);
    if (lease == nullptr) return;
    worker::v1::CommitCheckpointRequest request;
    request.set_job(lease->job());
    request.set_lease_epoch(lease->lease_epoch());
    request.mutable_checkpoint()->set_step(static_cast<int64_t>(Below(30)));
    request.mutable_checkpoint()->set_artifact(FakeDigest(static_cast<char>('0' + Below(10))));
    const bool stale = Stale(*lease);
    harness_.queue->CommitCheckpoint(
        request, [stale](const auto& response) { EXPECT_FALSE(stale && response.ok()) << "I3"; });
  }

  void Finish(FakeWorker& worker) {
    const HeldLease* lease = AnyLease(worker);
    if (lease == nullptr) return;
    const auto outcome = static_cast<FinishLeaseRequest::Outcome>(1 + Below(5));
    const FinishLeaseRequest request =
        QueueHarness::Finish(lease->job(), lease->lease_epoch(), outcome, "X");
    // The same end twice, the second while the first may still run: both get the same answer (I4),
    // in whatever order they come.
    auto answers = std::make_shared<std::vector<absl::StatusOr<v1::JobState>>>();
    const auto note = [answers](const absl::StatusOr<worker::v1::FinishLeaseResponse>& response) {
      answers->push_back(response.ok() ? absl::StatusOr<v1::JobState>(response->state())
                                       : response.status());
      if (answers->size() < 2) return;
      EXPECT_EQ(answers->at(0).ok(), answers->at(1).ok()) << "I4: " << answers->at(1).status();
      EXPECT_TRUE(!answers->at(0).ok() || *answers->at(0) == *answers->at(1)) << "I4";
    };
    harness_.queue->FinishLease(request, note);
    if (Below(3) == 0) harness_.queue->FinishLease(request, note);
    if (Below(2) == 0) worker.held.erase(std::string(lease->job()));
  }

  // In the end everything works: every job must reach an end or wait with a reason, and the log of
  // every job must be whole.
  void Settle() {
    harness_.store.Refuse(false);
    harness_.store.Flush();
    for (uint64_t i = 0; i < jobs_; ++i) {
      harness_.queue->Resume(fmt::format("j{}", i), [](const auto&) {});
    }
    for (auto& worker : workers_) {
      worker->Restart();
      worker->status = worker::v1::WorkerStatus::STATE_ACTIVE;
      harness_.queue->Uncordon(worker->Name(), [](const auto&) {});
    }
    Quiesce();
    CancelTheMisfits();
    for (int round = 0; round < 400; ++round) {
      for (auto& worker : workers_) {
        ASSERT_TRUE(worker->Sync().ok());
        for (const auto& order : worker->wish.orders()) {
          const auto it = told_.find({order.job(), order.lease_epoch()});
          ASSERT_TRUE(it == told_.end() || it->second == worker->incarnation)
              << "a new process is told a lease of the old one: " << order.job();
        }
        std::vector<std::pair<std::string, int64_t>> leases;
        for (const auto& [job, lease] : worker->held) leases.emplace_back(job, lease.lease_epoch());
        for (const auto& [job, epoch] : leases) {
          (void)harness_.FinishLease(
              QueueHarness::Finish(job, epoch, FinishLeaseRequest::OUTCOME_SUCCEEDED));
          worker->held.erase(job);
        }
      }
      harness_.Advance(absl::Seconds(3));
    }
    const absl::Status held = harness_.queue->CheckInvariants();
    ASSERT_TRUE(held.ok()) << held.message();
    for (uint64_t i = 0; i < jobs_; ++i) {
      const absl::StatusOr<v1::Job> job = harness_.queue->Get(fmt::format("j{}", i));
      if (!job.ok()) continue;  // refused, or lost before it was accepted
      ASSERT_TRUE(JobRecord::IsTerminal(job->state())) << job->ShortDebugString();
      int64_t last = 0;
      int terminal = 0;
      for (const auto& event : harness_.store.events(job->uid())) {
        ASSERT_EQ(event->seq(), last + 1) << "I10";
        last = event->seq();
        if (event->has_state() && JobRecord::IsTerminal(event->state().state())) ++terminal;
      }
      ASSERT_EQ(terminal, 1) << "I4: " << job->ShortDebugString();
    }
  }

  // Every worker has reported and every write is done: whatever fits is with a worker, without any
  // further message.
  void Quiesce() {
    for (auto& worker : workers_) ASSERT_TRUE(worker->Report().ok());
    harness_.Advance(absl::Seconds(70));  // the recovery hold, pauses, back-offs
    for (auto& worker : workers_) ASSERT_TRUE(worker->Sync().ok());
    const absl::Status placed = harness_.queue->CheckInvariants();
    ASSERT_TRUE(placed.ok()) << placed.message();
  }

  void CancelTheMisfits() {
    for (uint64_t i = 0; i < jobs_; ++i) {
      const std::string name = fmt::format("j{}", i);
      const absl::StatusOr<v1::Job> job = harness_.queue->Get(name);
      if (job.ok() && job->spec().resources().cores() > 4) {
        harness_.queue->Cancel(name, absl::ZeroDuration(), [](const auto&) {});
      }
    }
    harness_.store.Flush();
  }

  QueueHarness harness_;
  Philox random_;
  std::vector<std::unique_ptr<FakeWorker>> workers_;
  std::map<std::string, int64_t> seen_;                          // newest epoch told, by job
  std::map<std::pair<std::string, int64_t>, std::string> told_;  // incarnation by job and epoch
  uint64_t jobs_ = 0;
};

TEST(JobQueueInvariantsTest, HoldInRandomHistories) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Simulation simulation(seed);
    simulation.Run(300);
    if (HasFatalFailure() || HasFailure()) return;
  }
}

}  // namespace
}  // namespace graphkiln::coordinator
