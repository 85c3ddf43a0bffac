#include "services/coordinator/core/job_queue.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/fakes/queue_harness.h"

namespace graphkiln::coordinator {
namespace {

TEST(JobQueueTest, TheDeadlineListenerIsCalledWhenSomethingIsDueEarlier) {
  CoreOptions options;
  options.heartbeat = absl::Minutes(1);
  QueueHarness harness(options);
  int calls = 0;
  EXPECT_EQ(harness.queue->NextDeadline(), absl::InfiniteDuration());
  harness.queue->SetDeadlineListener([&] { ++calls; });
  FakeWorker worker(&harness, "w");
  ASSERT_OK(worker.Report());
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(harness.queue->NextDeadline(), absl::Seconds(12));
  ASSERT_OK(harness.Submit("a").status());  // the offer must be taken within 10 s
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(harness.queue->NextDeadline(), absl::Seconds(10));
}

TEST(JobQueueTest, CallbacksMayCallTheQueue) {
  QueueHarness harness;
  v1::JobState state = v1::JOB_STATE_UNSPECIFIED;
  harness.queue->Submit(harness.Args("a"), [&](const absl::StatusOr<v1::Job>& job) {
    ASSERT_OK(job.status());
    harness.queue->Cancel(job->name(), std::nullopt, [&](const absl::StatusOr<v1::Job>& ended) {
      ASSERT_OK(ended.status());
      state = harness.queue->Get("a")->state();
    });
  });
  harness.store.Flush();
  EXPECT_EQ(state, v1::JOB_STATE_CANCELLED);
}

TEST(JobQueueTest, RestoreIsDoneOnce) {
  QueueHarness harness;
  EXPECT_FALSE(harness.queue->Restore(harness.store.Load()).ok());
}

TEST(JobQueueTest, AJournalThatRefusesWhatItMustNotTurnsTheQueueOff) {
  // A store that another coordinator has taken over.
  class Stolen final : public Journal, public EventHistory {
   public:
    void Commit(CommitBatch batch) override { done.push_back(std::move(batch.done)); }
    absl::Status Health() const override { return absl::OkStatus(); }
    absl::StatusOr<EventPage> ReadEvents(const std::string&, int64_t, int64_t) override {
      return EventPage{};
    }
    std::vector<std::function<void(absl::Status)>> done;
  };
  SetAbortOnBug(false);
  FakeClock clock;
  Philox random(1, "test");
  NullCoreMetrics metrics;
  Stolen store;
  JobQueue queue({}, {&clock, &random, &store, &store, &metrics});
  LoadedState state;
  state.token_key = "key";
  ASSERT_OK(queue.Restore(std::move(state)));
  worker::v1::ConnectRequest request;
  request.set_worker("w");
  request.set_incarnation("i");
  ASSERT_OK(queue.Report(request).status());
  absl::Status told;
  queue.Cordon("w", [&](const auto& worker) { told = worker.status(); });
  ASSERT_EQ(store.done.size(), 1u);
  store.done[0](absl::AbortedError("the generation has changed"));
  EXPECT_FALSE(told.ok());
  EXPECT_FALSE(queue.Ready());
  ASSERT_OK_AND_ASSIGN(const auto wish, queue.OrdersFor("w"));
  EXPECT_FALSE(wish.authoritative());
}

TEST(JobQueueTest, WhileWorkersAreKnownItAsksToBeCalledAtEachHeartbeat) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(worker.Report());
  EXPECT_EQ(harness.queue->NextDeadline(), absl::Seconds(1));
}

}  // namespace
}  // namespace graphkiln::coordinator
