#include "services/coordinator/store/sqlite_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/base/fake_clock.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/job_queue.h"
#include "services/coordinator/store/migrations.h"
#include "services/coordinator/store/sqlite_db.h"
#include "tests/unit/services/coordinator/store/store_fixture.h"

namespace graphkiln::coordinator {
namespace {

class SqliteStoreTest : public StoreFixture {};

TEST_F(SqliteStoreTest, WhatWasCommittedIsLoadedAgain) {
  ASSERT_OK(AddJob(1));
  ASSERT_OK(AddJob(2));
  PutJob running = Row(1, v1::JOB_STATE_RUNNING, 3);
  running.internals.infra_failures = 2;
  running.internals.last_seq = 4;
  running.internals.finish_epoch = 2;
  running.internals.finish_digest = "digest";
  running.internals.finish_answer = v1::JOB_STATE_BACKOFF;
  ASSERT_OK(Commit({Lease(1, 3, StoredLeaseState::kOffered), Lease(1, 3, StoredLeaseState::kActive),
                    running, Steps(1, 1, 6, 3),
                    PutProgram{"program", std::make_shared<const std::string>("bytes")},
                    PutIdempotency{"s", "r", "d", "n", absl::FromUnixSeconds(5)},
                    PutWorker{"workers/w", true, false},
                    PutGraphContent{"hash", std::make_shared<const std::string>("graph")}}));
  const std::string key = loaded.token_key;
  const uint64_t log_generation = loaded.log_generation;
  EXPECT_EQ(loaded.generation, 1u);
  Open();
  EXPECT_EQ(loaded.generation, 2u);
  EXPECT_EQ(loaded.token_key, key);
  EXPECT_EQ(key.size(), 32u);
  EXPECT_EQ(loaded.log_generation, log_generation);
  ASSERT_EQ(loaded.jobs.size(), 2u);
  const LoadedJob& job = loaded.jobs[0];
  EXPECT_EQ(job.job->SerializeAsString(), running.job->SerializeAsString());
  EXPECT_EQ(*job.spec, "spec");
  EXPECT_EQ(job.internals.create_index, 1);
  EXPECT_EQ(job.internals.infra_failures, 2);
  EXPECT_EQ(job.internals.last_seq, 4);
  EXPECT_EQ(job.internals.program, "program");
  EXPECT_EQ(job.internals.queue_time, absl::FromUnixSeconds(1'700'000'000));
  EXPECT_EQ(job.internals.finish_epoch, 2);
  EXPECT_EQ(job.internals.finish_digest, "digest");
  EXPECT_EQ(job.internals.finish_answer, v1::JOB_STATE_BACKOFF);
  ASSERT_EQ(loaded.open_leases.size(), 1u);
  EXPECT_EQ(loaded.open_leases[0].epoch, 3);
  EXPECT_EQ(loaded.open_leases[0].state, StoredLeaseState::kActive);
  EXPECT_EQ(loaded.open_leases[0].last_worker_seq, 6u);
  ASSERT_EQ(loaded.events.size(), 1u);  // job 2 has never run
  EXPECT_EQ(loaded.events[0].tail.size(), 6u);
  ASSERT_EQ(loaded.programs.size(), 1u);
  EXPECT_EQ(*loaded.programs[0].bytes, "bytes");
  ASSERT_EQ(loaded.request_ids.size(), 1u);
  EXPECT_EQ(loaded.request_ids[0].time, absl::FromUnixSeconds(5));
  ASSERT_EQ(loaded.workers.size(), 1u);
  EXPECT_TRUE(loaded.workers[0].cordoned);
  EXPECT_EQ(*store->ReadGraphContent("hash"), "graph");
  EXPECT_THAT(store->ReadGraphContent("other"), StatusIs(absl::StatusCode::kNotFound));
  const absl::Time always = absl::FromUnixSeconds(0);
  EXPECT_EQ((*store->FindIdempotent("s", "r", always))->name, "n");
  EXPECT_FALSE(store->FindIdempotent("s", "other", always)->has_value());
  ASSERT_OK(Commit({PurgeIdempotency{absl::FromUnixSeconds(6)}, DropProgram{"program"}}));
  Open();
  EXPECT_TRUE(loaded.request_ids.empty());
  EXPECT_TRUE(loaded.programs.empty());
}

TEST_F(SqliteStoreTest, OneCoordinatorPerDirectory) {
  SqliteOptions options;
  options.directory = directory;
  EXPECT_THAT(OpenSqliteStore(options), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(SqliteStoreTest, ANewerDatabaseIsLeftAlone) {
  store.reset();
  {
    ASSERT_OK_AND_ASSIGN(auto db, SqliteDb::Open(directory + "/coordinator.db", false));
    ASSERT_OK(db->Exec("PRAGMA user_version = 999"));
  }
  SqliteOptions options;
  options.directory = directory;
  EXPECT_THAT(OpenSqliteStore(options), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(SqliteStoreTest, WhatIsNotADatabaseIsAnError) {
  store.reset();
  ASSERT_OK(RemoveFile(directory + "/coordinator.db-wal"));
  ASSERT_OK(RemoveFile(directory + "/coordinator.db-shm"));
  ASSERT_OK(WriteFileAtomic(directory + "/coordinator.db", std::string(10'000, 'x')));
  SqliteOptions options;
  options.directory = directory;
  EXPECT_THAT(OpenSqliteStore(options), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(SqliteStoreTest, HistoryIsReadByPositionTypeAndFromTheEnd) {
  ASSERT_OK(AddJob(1));
  for (int64_t first = 1; first <= 91; first += 10) {
    AppendEvents append = Steps(1, first, first + 9);
    auto log = std::make_shared<v1::Event>();
    log->set_seq(first + 9);
    log->mutable_log()->set_message(std::to_string(first));
    append.events.back() = log;
    ASSERT_OK(Commit({append}));
  }
  ASSERT_OK_AND_ASSIGN(EventPage page, store->ReadEvents(Uid(1), 25, 10));
  ASSERT_EQ(page.events.size(), 10u);
  EXPECT_EQ(page.events[0]->seq(), 26);
  EXPECT_TRUE(page.more);
  ASSERT_OK_AND_ASSIGN(page, store->ReadEvents(Uid(1), 90, 10));
  EXPECT_EQ(page.events.size(), 10u);
  EXPECT_FALSE(page.more);
  ASSERT_OK_AND_ASSIGN(page, store->ReadEvents(Uid(1), 100, 10));
  EXPECT_TRUE(page.events.empty());
  ASSERT_OK_AND_ASSIGN(const EventTypeSet logs, ParseEventTypes({"log"}));
  ASSERT_OK_AND_ASSIGN(page, store->ReadEventsOfTypes(Uid(1), 0, logs, 100));
  EXPECT_EQ(page.events.size(), 10u);
  ASSERT_OK_AND_ASSIGN(page, store->ReadLastEventsOfTypes(Uid(1), logs, 3));
  ASSERT_EQ(page.events.size(), 3u);
  EXPECT_EQ(page.events[0]->log().message(), "71");
  EXPECT_TRUE(page.more);
}

TEST_F(SqliteStoreTest, ListsArePagedByNameWithinAProject) {
  for (const char* id : {"c", "a", "b"}) {
    v1::SavedGraph graph;
    graph.set_name(std::string("projects/default/graphs/") + id);
    graph.mutable_graph()->set_name("contents");
    v1::Dataset dataset;
    dataset.set_name(std::string("projects/default/datasets/") + id);
    ASSERT_OK(Commit({PutGraph{graph, PutGraph::When::kAbsent, ""}, PutDataset{dataset}}, true));
  }
  ASSERT_OK_AND_ASSIGN(auto graphs, store->ListGraphs("default", "", 2));
  ASSERT_EQ(graphs.items.size(), 2u);
  EXPECT_EQ(graphs.items[1].name(), "projects/default/graphs/b");
  EXPECT_FALSE(graphs.items[0].has_graph());
  ASSERT_OK_AND_ASSIGN(graphs, store->ListGraphs("default", graphs.next_after, 2));
  EXPECT_EQ(graphs.items.size(), 1u);
  EXPECT_EQ(graphs.next_after, "");
  ASSERT_OK_AND_ASSIGN(const auto datasets, store->ListDatasets("default", "", 3));
  EXPECT_EQ(datasets.items.size(), 3u);
  EXPECT_EQ(datasets.next_after, "");
  ASSERT_OK_AND_ASSIGN(const auto none, store->ListDatasets("other", "", 3));
  EXPECT_TRUE(none.items.empty());
}

// The queue on the real store: a job runs, both restart, it goes on and ends.
TEST_F(SqliteStoreTest, AQueueContinuesFromIt) {
  FakeClock clock;
  Philox random(1, "sqlite store test");
  NullCoreMetrics metrics;
  const auto start = [&] {
    auto queue = std::make_unique<JobQueue>(
        CoreOptions(), JobQueue::Environment{&clock, &random, store.get(), store.get(), &metrics});
    EXPECT_OK(queue->Restore(std::move(loaded)));
    return queue;
  };
  // Everything that was handed over before is durable, and what follows from it, too.
  const auto settle = [&] {
    for (int i = 0; i < 3; ++i) ASSERT_OK(Commit({}));
  };
  worker::v1::ConnectRequest report;
  report.set_worker("w");
  report.set_incarnation("i");
  report.mutable_inventory()->set_slots(1);
  report.mutable_status()->set_state(worker::v1::WorkerStatus::STATE_ACTIVE);

  std::unique_ptr<JobQueue> queue = start();
  SubmitArgs args;
  args.job_id = "a";
  args.request_id = "r";
  args.graph_hash = "h";
  args.graph_bytes = "graph";
  args.ir_bytes = "\x08\x01";
  queue->Submit(args, [](const auto& job) { EXPECT_OK(job.status()); });
  ASSERT_OK(queue->Report(report).status());
  settle();
  ASSERT_OK_AND_ASSIGN(auto wish, queue->OrdersFor("w"));
  ASSERT_EQ(wish.orders_size(), 1);
  worker::v1::PublishEventsRequest events;
  events.set_job("a");
  events.set_lease_epoch(1);
  for (uint64_t i = 1; i <= 3; ++i) {
    events.add_events()->set_worker_seq(i);
    events.mutable_events(static_cast<int>(i - 1))
        ->mutable_event()
        ->mutable_step()
        ->set_step(static_cast<int64_t>(i));
  }
  queue->PublishEvents(events, [](const auto& result) {
    ASSERT_OK(result.status());
    EXPECT_EQ(result->acknowledged_seq, 3u);
  });
  settle();
  EXPECT_EQ(queue->Get("a")->state(), v1::JOB_STATE_RUNNING);

  store->Close();
  queue.reset();
  Open();
  queue = start();
  EXPECT_EQ(queue->Get("a")->state(), v1::JOB_STATE_RUNNING);
  EXPECT_EQ(queue->Get("a")->step(), 3);
  EXPECT_TRUE(queue->AnswerSubmitted("default", "r", args.request_digest,
                                     [](const auto& job) { EXPECT_OK(job.status()); }));
  worker::v1::FinishLeaseRequest finish;
  finish.set_job("a");
  finish.set_lease_epoch(1);
  finish.set_outcome(worker::v1::FinishLeaseRequest::OUTCOME_SUCCEEDED);
  queue->FinishLease(finish, [](const auto& answer) { ASSERT_OK(answer.status()); });
  settle();
  EXPECT_EQ(queue->Get("a")->state(), v1::JOB_STATE_SUCCEEDED);
  ASSERT_OK_AND_ASSIGN(auto cursor, queue->Watch("a", "", 0));
  int64_t last = 0;
  while (true) {
    const EventCursor::Batch batch = cursor->Next(100);
    if (batch.kind == EventCursor::Kind::kEnd) break;
    if (batch.kind == EventCursor::Kind::kLoad) cursor->Load();
    for (const v1::Event& event : batch.response.events()) {
      EXPECT_EQ(event.seq(), last + 1);
      last = event.seq();
    }
  }
  EXPECT_EQ(last, 7);
  cursor.reset();
  store->Close();
  queue.reset();
}

// Users, a worker and readers at the same time; for ThreadSanitizer, and for lost wake-ups.
TEST_F(SqliteStoreTest, ManyThreadsMayUseAQueueOnIt) {
  constexpr int kUsers = 3;
  constexpr int kEach = 20;
  NullCoreMetrics metrics;
  auto queue = std::make_unique<JobQueue>(
      CoreOptions(),
      JobQueue::Environment{&SystemClock(), &SystemRandom(), store.get(), store.get(), &metrics});
  ASSERT_OK(queue->Restore(std::move(loaded)));
  std::atomic<int> submitted{0};
  std::atomic<int> succeeded{0};
  std::vector<std::thread> threads;
  for (int user = 0; user < kUsers; ++user) {
    threads.emplace_back([&, user] {
      for (int i = 0; i < kEach; ++i) {
        SubmitArgs args;
        args.job_id = fmt::format("j{}-{}", user, i);
        args.ir_bytes = "\x08\x01";
        queue->Submit(std::move(args), [&](const auto& job) { submitted += job.ok() ? 1 : 0; });
        (void)queue->List({});
        (void)queue->NextDeadline();
        queue->Tick();
      }
    });
  }
  threads.emplace_back([&] {  // the worker
    worker::v1::ConnectRequest report;
    report.set_worker("w");
    report.set_incarnation("i");
    report.mutable_inventory()->set_slots(2);
    report.mutable_status()->set_state(worker::v1::WorkerStatus::STATE_ACTIVE);
    uint64_t seq = 0;
    while (succeeded < kUsers * kEach) {
      report.set_report_seq(++seq);
      const absl::StatusOr<worker::v1::ConnectResponse> wish = queue->Report(report);
      ASSERT_OK(wish.status());
      for (const worker::v1::LeaseOrder& order : wish->orders()) {
        worker::v1::PublishEventsRequest events;
        events.set_job(order.job());
        events.set_lease_epoch(order.lease_epoch());
        events.add_events()->set_worker_seq(1);
        events.mutable_events(0)->mutable_event()->mutable_step()->set_step(1);
        queue->PublishEvents(events, [](const auto&) {});
        worker::v1::FinishLeaseRequest finish;
        finish.set_job(order.job());
        finish.set_lease_epoch(order.lease_epoch());
        finish.set_outcome(worker::v1::FinishLeaseRequest::OUTCOME_SUCCEEDED);
        // The same order comes again until the end is durable; the same end gets the same answer.
        queue->FinishLease(finish, [](const auto&) {});
      }
      std::this_thread::yield();
    }
  });
  threads.emplace_back([&] {  // a reader, which follows each job to its end
    for (int job = 0; job < kUsers * kEach; ++job) {
      const std::string name = fmt::format("j{}-{}", job / kEach, job % kEach);
      absl::StatusOr<std::shared_ptr<EventCursor>> cursor = queue->Watch(name, "", 0);
      while (!cursor.ok()) {
        std::this_thread::yield();
        cursor = queue->Watch(name, "", 0);
      }
      // Shared: one call may still be under way when the cursor is gone.
      auto called = std::make_shared<std::atomic<bool>>(true);
      (*cursor)->SetListener([called] { *called = true; });
      int64_t last = 0;
      while (true) {
        const EventCursor::Batch batch = (*cursor)->Next(2);
        if (batch.kind == EventCursor::Kind::kEnd) break;
        if (batch.kind == EventCursor::Kind::kLoad) (*cursor)->Load();
        for (const v1::Event& event : batch.response.events()) {
          EXPECT_EQ(event.seq(), last + 1);
          last = event.seq();
        }
        if (batch.kind == EventCursor::Kind::kWait) {
          while (!called->exchange(false)) std::this_thread::yield();
        }
      }
      EXPECT_EQ(last, 5);  // QUEUED, OFFERED, RUNNING, a step, SUCCEEDED
      ++succeeded;
    }
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(submitted.load(), kUsers * kEach);
  EXPECT_OK(queue->CheckInvariants());
  store->Close();
  queue.reset();
}

TEST_F(SqliteStoreTest, AnAnswerOfSeriesIsBounded) {
  ASSERT_OK(AddJob(1));
  SeriesPoints points{"loss", {}, {}};
  for (int64_t chunk = 0; chunk < 75; ++chunk) {
    points.steps.clear();
    points.values.clear();
    for (int64_t i = 1; i <= 4'000; ++i) {
      points.steps.push_back(chunk * 4'000 + i);
      points.values.push_back(1);
    }
    ASSERT_OK(Commit({AppendMetrics{Uid(1), {points}}}));
  }
  ASSERT_OK_AND_ASSIGN(const auto series, store->ReadSeries(Uid(1), {}, 0));
  ASSERT_EQ(series.size(), 1u);
  EXPECT_EQ(series[0].steps_size(), kMostPointsOfAnswer);
  EXPECT_EQ(series[0].steps(0), 1);
  EXPECT_EQ(series[0].steps(series[0].steps_size() - 1), 300'000);
}

}  // namespace
}  // namespace graphkiln::coordinator
