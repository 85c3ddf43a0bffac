#include "services/worker/daemon/event_outbox.h"

#include <string>
#include <vector>

#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace graphkiln::worker {
namespace {

using graphkiln::v1::Event;
using testing::ElementsAre;
using v1::PublishEventsRequest;

const LeaseId kA{"projects/default/jobs/a", 1};
const LeaseId kB{"projects/default/jobs/b", 2};
constexpr absl::Duration kT0 = absl::Seconds(100);

Event Step(int64_t step) {
  Event event;
  event.mutable_step()->set_step(step);
  return event;
}

Event Epoch(int64_t epoch) {
  Event event;
  event.mutable_epoch()->set_epoch(epoch);
  return event;
}

Event Log(size_t bytes) {
  Event event;
  event.mutable_log()->set_message(std::string(bytes, 'l'));
  return event;
}

std::vector<uint64_t> Seqs(const PublishEventsRequest& request) {
  std::vector<uint64_t> seqs;
  for (const auto& event : request.events()) {
    seqs.push_back(event.worker_seq());
  }
  return seqs;
}

EventOutbox::Options Small() {
  EventOutbox::Options options;
  options.worker = "workers/w";
  options.max_unsent_events = 10;
  options.max_batch_events = 4;
  options.window = 6;
  return options;
}

class EventOutboxTest : public testing::Test {
 protected:
  void SetUp() override {
    outbox_.Open(kA);
    outbox_.Open(kB);
  }
  EventOutbox outbox_{Small()};
};

TEST_F(EventOutboxTest, FirstStepLeavesAtOnceLaterOnesLinger) {
  outbox_.Append(kA, Step(1), kT0);
  EXPECT_EQ(outbox_.NextFlush(), kT0);
  std::optional<PublishEventsRequest> request = outbox_.Take(kT0);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->job(), kA.job);
  EXPECT_EQ(request->lease_epoch(), 1);
  EXPECT_EQ(request->worker(), "workers/w");
  EXPECT_THAT(Seqs(*request), ElementsAre(1));
  EXPECT_EQ(request->events(0).event().job(), kA.job);
  EXPECT_EQ(outbox_.NextFlush(), absl::InfiniteDuration());

  outbox_.Append(kA, Step(2), kT0);
  outbox_.Append(kA, Step(3), kT0 + absl::Milliseconds(49));
  EXPECT_FALSE(outbox_.Take(kT0 + absl::Milliseconds(49)).has_value());
  EXPECT_THAT(Seqs(*outbox_.Take(kT0 + absl::Milliseconds(50))), ElementsAre(2, 3));
}

TEST_F(EventOutboxTest, LogsBeforeTheFirstStepDoNotMakeItWait) {
  outbox_.Append(kA, Log(10), kT0);
  EXPECT_EQ(outbox_.NextFlush(), kT0 + absl::Milliseconds(50));
  outbox_.Append(kA, Step(1), kT0 + absl::Milliseconds(1));
  EXPECT_THAT(Seqs(*outbox_.Take(kT0 + absl::Milliseconds(1))), ElementsAre(1, 2));
}

TEST_F(EventOutboxTest, BatchesAreBoundedAndLeasesTakeTurns) {
  for (int i = 1; i <= 6; ++i) {
    outbox_.Append(kA, Epoch(i), kT0);
    outbox_.Append(kB, Epoch(i), kT0);
  }
  const absl::Duration due = kT0 + absl::Seconds(1);
  std::vector<std::string> order;
  while (std::optional<PublishEventsRequest> request = outbox_.Take(due)) {
    EXPECT_LE(request->events_size(), 4);
    order.push_back(request->job().substr(request->job().size() - 1) +
                    std::to_string(request->events_size()));
  }
  EXPECT_THAT(order, ElementsAre("a4", "b4", "a2", "b2"));
}

TEST_F(EventOutboxTest, BatchBytesAreBoundedButOneLargeEventStillGoes) {
  EventOutbox::Options options = Small();
  options.max_batch_bytes = 1000;
  EventOutbox outbox(options);
  outbox.Open(kA);
  outbox.Append(kA, Log(5000), kT0);
  outbox.Append(kA, Log(600), kT0);
  outbox.Append(kA, Log(600), kT0);
  const absl::Duration due = kT0 + absl::Seconds(1);
  EXPECT_THAT(Seqs(*outbox.Take(due)), ElementsAre(1));
  EXPECT_THAT(Seqs(*outbox.Take(due)), ElementsAre(2));
  EXPECT_THAT(Seqs(*outbox.Take(due)), ElementsAre(3));
}

TEST_F(EventOutboxTest, WindowStopsUntilAcknowledged) {
  for (int i = 1; i <= 9; ++i) {
    outbox_.Append(kA, Epoch(i), kT0);
  }
  const absl::Duration due = kT0 + absl::Seconds(1);
  EXPECT_THAT(Seqs(*outbox_.Take(due)), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Seqs(*outbox_.Take(due)), ElementsAre(5, 6));
  EXPECT_FALSE(outbox_.Take(due).has_value());
  EXPECT_EQ(outbox_.NextFlush(), absl::InfiniteDuration());
  outbox_.OnAcknowledged(kA, 4);
  EXPECT_THAT(Seqs(*outbox_.Take(due)), ElementsAre(7, 8, 9));
}

TEST_F(EventOutboxTest, UnacknowledgedIsSentAgainAfterABrokenStream) {
  for (int i = 1; i <= 5; ++i) {
    outbox_.Append(kA, Step(i), kT0);
  }
  const absl::Duration due = kT0 + absl::Seconds(1);
  outbox_.Take(due);
  outbox_.Take(due);
  outbox_.OnAcknowledged(kA, 2);
  outbox_.OnStreamBroken(due);
  const std::optional<PublishEventsRequest> again = outbox_.Take(due);
  ASSERT_TRUE(again.has_value());
  EXPECT_THAT(Seqs(*again), ElementsAre(3, 4, 5));
  EXPECT_EQ(again->events(0).event().step().step(), 3);
  EXPECT_FALSE(outbox_.Drained(kA));
  outbox_.OnAcknowledged(kA, 5);
  EXPECT_TRUE(outbox_.Drained(kA));
  EXPECT_EQ(outbox_.last_seq(kA), 5u);
}

TEST_F(EventOutboxTest, AcknowledgementOfWhatWasNeverSentIsHarmless) {
  outbox_.Append(kA, Step(1), kT0);
  outbox_.OnAcknowledged(kA, 1'000'000);
  outbox_.OnAcknowledged({"unknown", 9}, 5);
  EXPECT_FALSE(outbox_.Drained(kA));
  EXPECT_THAT(Seqs(*outbox_.Take(kT0)), ElementsAre(1));
}

TEST_F(EventOutboxTest, OverflowDropsOldestStepsIntoOneCountedGap) {
  for (int i = 1; i <= 11; ++i) {
    outbox_.Append(kA, Step(i), kT0);
  }
  // 11 waited, more than 10: down to 5.
  const std::optional<PublishEventsRequest> request = outbox_.Take(kT0);
  ASSERT_TRUE(request.has_value());
  const auto& gap = request->events(0);
  ASSERT_TRUE(gap.event().has_gap());
  EXPECT_EQ(gap.event().gap().first_missing(), 1);
  EXPECT_EQ(gap.event().gap().count(), gap.event().gap().last_missing());
  EXPECT_EQ(gap.worker_seq(), static_cast<uint64_t>(gap.event().gap().last_missing()));
  EXPECT_EQ(request->events(1).worker_seq(), gap.worker_seq() + 1);
  EXPECT_EQ(outbox_.last_seq(kA), 11u);
}

TEST_F(EventOutboxTest, EpochsAreNeverDropped) {
  for (int i = 1; i <= 200; ++i) {
    outbox_.Append(kA, Epoch(i), kT0);
    outbox_.Append(kA, Step(i), kT0);
  }
  int epochs = 0;
  int64_t counted = 0;
  int steps = 0;
  while (std::optional<PublishEventsRequest> request = outbox_.Take(kT0 + absl::Seconds(1))) {
    for (const auto& event : request->events()) {
      epochs += event.event().has_epoch() ? 1 : 0;
      steps += event.event().has_step() ? 1 : 0;
      counted += event.event().gap().count();
    }
    outbox_.OnAcknowledged(kA, request->events(request->events_size() - 1).worker_seq());
  }
  EXPECT_EQ(epochs, 200);
  EXPECT_EQ(steps + counted, 200);
  EXPECT_GT(counted, 0);
}

TEST_F(EventOutboxTest, SentEventsAreNeverReplacedByAGap) {
  for (int i = 1; i <= 4; ++i) {
    outbox_.Append(kA, Step(i), kT0);
  }
  ASSERT_THAT(Seqs(*outbox_.Take(kT0)), ElementsAre(1, 2, 3, 4));
  outbox_.OnStreamBroken(kT0);  // they may be durable: the answer was lost
  for (int i = 5; i <= 40; ++i) {
    outbox_.Append(kA, Step(i), kT0);
  }
  const std::optional<PublishEventsRequest> request = outbox_.Take(kT0 + absl::Seconds(1));
  EXPECT_THAT(Seqs(*request), ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(request->events(3).event().has_step());
  const std::optional<PublishEventsRequest> next = outbox_.Take(kT0 + absl::Seconds(1));
  EXPECT_TRUE(next->events(0).event().has_gap());
  EXPECT_EQ(next->events(0).event().gap().first_missing(), 5);
}

TEST_F(EventOutboxTest, BytesAreBoundedToo) {
  EventOutbox::Options options = Small();
  options.max_unsent_events = 1'000'000;
  options.max_unsent_bytes = 10'000;
  EventOutbox outbox(options);
  outbox.Open(kA);
  for (int i = 0; i < 100; ++i) {
    outbox.Append(kA, Log(1000), kT0);
  }
  int64_t dropped = 0;
  size_t bytes = 0;
  while (std::optional<PublishEventsRequest> request = outbox.Take(kT0 + absl::Seconds(1))) {
    bytes += request->ByteSizeLong();
    for (const auto& event : request->events()) {
      dropped += event.event().gap().count();
    }
    outbox.OnAcknowledged(kA, request->events(request->events_size() - 1).worker_seq());
  }
  EXPECT_LE(bytes, 12'000u);
  EXPECT_GE(dropped, 88);
}

TEST_F(EventOutboxTest, ClosedLeaseIsSilent) {
  outbox_.Append(kA, Step(1), kT0);
  outbox_.Close(kA);
  outbox_.Append(kA, Step(2), kT0);
  EXPECT_EQ(outbox_.NextFlush(), absl::InfiniteDuration());
  EXPECT_TRUE(outbox_.Drained(kA));
}

TEST_F(EventOutboxTest, HurrySkipsTheLinger) {
  outbox_.Append(kA, Epoch(1), kT0);
  EXPECT_FALSE(outbox_.Take(kT0).has_value());
  outbox_.Hurry(kA, kT0);
  EXPECT_TRUE(outbox_.Take(kT0).has_value());
}

// Random appends, sends, losses and acknowledgements against a receiver that stores like the
// coordinator: whatever happens, every number is either stored or counted, once, in order.
TEST(EventOutboxPropertyTest, NothingIsLostUncountedOrStoredTwice) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Philox random(seed, "outbox");
    EventOutbox::Options options = Small();
    options.max_unsent_events = 5 + random.NextBelow(20);
    EventOutbox outbox(options);
    outbox.Open(kA);
    absl::Duration now = kT0;
    uint64_t stored_up_to = 0;
    uint64_t stored = 0;
    uint64_t counted = 0;
    uint64_t appended = 0;
    const auto receive = [&](const PublishEventsRequest& request) {
      for (const auto& event : request.events()) {
        if (event.worker_seq() <= stored_up_to) {
          continue;
        }
        if (event.event().has_gap()) {
          EXPECT_EQ(static_cast<uint64_t>(event.event().gap().first_missing()), stored_up_to + 1);
          EXPECT_EQ(event.event().gap().count() + stored_up_to, event.worker_seq());
          counted += event.event().gap().count();
        } else {
          EXPECT_EQ(event.worker_seq(), stored_up_to + 1);
          ++stored;
        }
        stored_up_to = event.worker_seq();
      }
    };
    for (int i = 0; i < 400; ++i) {
      switch (random.NextBelow(8)) {
        case 0:
          outbox.OnStreamBroken(now);
          break;
        case 1:
        case 2:
          if (const auto request = outbox.Take(now); request.has_value()) {
            if (random.NextBelow(3) > 0) {
              receive(*request);  // else lost on the way
            }
            if (random.NextBelow(2) > 0) {
              outbox.OnAcknowledged(kA, stored_up_to);  // else the answer is lost
            }
            outbox.OnStreamBroken(now);
          }
          break;
        default:
          ++appended;
          outbox.Append(kA, random.NextBelow(10) == 0 ? Epoch(i) : Step(i), now);
      }
      now += absl::Milliseconds(30);
    }
    outbox.OnStreamBroken(now);
    while (!outbox.Drained(kA)) {
      const auto request = outbox.Take(now + absl::Seconds(9));
      ASSERT_TRUE(request.has_value()) << "seed " << seed;
      receive(*request);
      outbox.OnAcknowledged(kA, stored_up_to);
    }
    EXPECT_EQ(stored + counted, appended) << "seed " << seed;
    EXPECT_EQ(stored_up_to, outbox.last_seq(kA)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace graphkiln::worker
