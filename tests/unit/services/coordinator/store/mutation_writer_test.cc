#include "services/coordinator/store/mutation_writer.h"

#include <gtest/gtest.h>

#include "services/coordinator/core/errors.h"
#include "tests/unit/services/coordinator/store/store_fixture.h"

namespace graphkiln::coordinator {
namespace {

class MutationWriterTest : public StoreFixture {};

TEST_F(MutationWriterTest, I1_TheDatabaseRefusesASecondOpenLease) {
  ASSERT_OK(AddJob(1));
  ASSERT_OK(Commit({Lease(1, 1, StoredLeaseState::kOffered)}));
  EXPECT_THAT(Commit({Lease(1, 2, StoredLeaseState::kOffered)}),
              StatusIs(absl::StatusCode::kAborted));
  ASSERT_OK(
      Commit({Lease(1, 1, StoredLeaseState::kClosed), Lease(1, 2, StoredLeaseState::kOffered)}));
}

TEST_F(MutationWriterTest, I2_EpochsNeverGoBack) {
  ASSERT_OK(AddJob(1));
  ASSERT_OK(Commit({Lease(1, 5, StoredLeaseState::kOffered), Row(1, v1::JOB_STATE_OFFERED, 5)}));
  ASSERT_OK(Commit({Lease(1, 5, StoredLeaseState::kClosed)}));
  EXPECT_THAT(Commit({Lease(1, 5, StoredLeaseState::kOffered)}),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(Commit({Lease(1, 4, StoredLeaseState::kOffered)}),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(Commit({Row(1, v1::JOB_STATE_QUEUED, 4)}), StatusIs(absl::StatusCode::kAborted));
}

TEST_F(MutationWriterTest, I3_EventsOfAClosedOrStaleLeaseAreRefused) {
  ASSERT_OK(AddJob(1));
  ASSERT_OK(
      Commit({Lease(1, 1, StoredLeaseState::kOffered), Lease(1, 1, StoredLeaseState::kActive)}));
  ASSERT_OK(Commit({Steps(1, 1, 3, /*fence=*/1)}));
  EXPECT_THAT(Commit({Steps(1, 4, 4, /*fence=*/2)}), StatusIs(absl::StatusCode::kAborted));
  ASSERT_OK(Commit({Lease(1, 1, StoredLeaseState::kClosed)}));
  EXPECT_THAT(Commit({Steps(1, 4, 4, /*fence=*/1)}), StatusIs(absl::StatusCode::kAborted));
  ASSERT_OK(Commit({Steps(1, 4, 4)}));  // the coordinator's own
  ASSERT_OK_AND_ASSIGN(const EventPage page, store->ReadEvents(Uid(1), 0, 10));
  EXPECT_EQ(page.events.size(), 4u);
}

TEST_F(MutationWriterTest, I4_TerminalStatesAbsorb) {
  ASSERT_OK(AddJob(1));
  ASSERT_OK(Commit({Row(1, v1::JOB_STATE_SUCCEEDED, 1)}));
  EXPECT_THAT(Commit({Row(1, v1::JOB_STATE_QUEUED, 2)}), StatusIs(absl::StatusCode::kAborted));
  ASSERT_OK(Commit({Row(1, v1::JOB_STATE_SUCCEEDED, 1)}));
}

TEST_F(MutationWriterTest, ARefusedBatchLeavesNothingAndHurtsNoOther) {
  ASSERT_OK(AddJob(1));
  EXPECT_FALSE(Commit({Steps(1, 1, 1), Lease(1, 0, StoredLeaseState::kClosed)}).ok());
  ASSERT_OK_AND_ASSIGN(const EventPage page, store->ReadEvents(Uid(1), 0, 10));
  EXPECT_TRUE(page.events.empty());
  EXPECT_FALSE(Commit({Steps(7, 1, 1)}).ok());  // of no job
  EXPECT_OK(store->Health());
}

TEST_F(MutationWriterTest, SmallChunksAreMergedAndNothingIsLost) {
  ASSERT_OK(AddJob(1));
  int64_t step = 0;
  for (int batch = 0; batch < 500; ++batch) {
    SeriesPoints loss{"loss", {}, {}};
    for (int i = 0; i < 20; ++i) {
      loss.steps.push_back(++step);
      loss.values.push_back(static_cast<double>(step) / 3);
    }
    CommitBatch commit;
    commit.mutations.push_back(AppendMetrics{Uid(1), {loss}});
    commit.done = [](const absl::Status& status) { EXPECT_OK(status); };
    store->Commit(std::move(commit));
  }
  ASSERT_OK(Commit({AppendMetrics{Uid(1), {{"lr", {1}, {0.1}}}}}));
  ASSERT_OK_AND_ASSIGN(const auto series, store->ReadSeries(Uid(1), {}, 0));
  ASSERT_EQ(series.size(), 2u);
  EXPECT_EQ(series[0].name(), "loss");
  ASSERT_EQ(series[0].steps_size(), 10'000);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(series[0].steps(i), i + 1);
    ASSERT_EQ(series[0].values(i), static_cast<double>(i + 1) / 3);
  }
  ASSERT_OK_AND_ASSIGN(auto db, SqliteDb::Open(directory + "/coordinator.db", true));
  ASSERT_OK_AND_ASSIGN(SqliteStatement * count, db->Prepare("SELECT count(*) FROM metric_chunks"));
  ASSERT_OK(count->Step().status());
  EXPECT_LT(count->Int(0), 60);
}

TEST_F(MutationWriterTest, ARetryReplacesTheStepsThatItTrainsAgainAlsoAfterARestart) {
  ASSERT_OK(AddJob(1));
  ASSERT_OK(Commit({AppendMetrics{Uid(1), {{"loss", {1, 2, 3, 4}, {1, 2, 3, 4}}}}}));
  Open();
  ASSERT_OK(Commit({AppendMetrics{Uid(1), {{"loss", {3, 4, 5}, {30, 40, 50}}}}}));
  ASSERT_OK_AND_ASSIGN(const auto series, store->ReadSeries(Uid(1), {"loss", "absent"}, 0));
  ASSERT_EQ(series.size(), 1u);
  EXPECT_THAT(series[0].steps(), testing::ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(series[0].values(), testing::ElementsAre(1, 2, 30, 40, 50));
}

TEST_F(MutationWriterTest, SavedGraphsHaveEtags) {
  v1::SavedGraph graph;
  graph.set_name("projects/default/graphs/g");
  graph.set_etag("one");
  graph.set_graph_hash("h1");
  graph.mutable_graph()->set_name("net");
  const PutGraph create{graph, PutGraph::When::kAbsent, ""};
  ASSERT_OK(Commit({create}, true));
  EXPECT_EQ(ReasonOf(Commit({create}, true)), v1::ERROR_REASON_ALREADY_EXISTS);
  graph.set_etag("two");
  EXPECT_EQ(ReasonOf(Commit({PutGraph{graph, PutGraph::When::kPresent, "stale"}}, true)),
            v1::ERROR_REASON_ETAG_MISMATCH);
  ASSERT_OK(Commit({PutGraph{graph, PutGraph::When::kPresent, "one"}}, true));
  ASSERT_OK_AND_ASSIGN(const v1::SavedGraph read, store->ReadGraph(graph.name()));
  EXPECT_EQ(read.etag(), "two");
  EXPECT_EQ(read.graph().name(), "net");
  ASSERT_OK_AND_ASSIGN(const v1::SavedGraph by_hash, store->ReadGraphByHash("default", "h1"));
  EXPECT_EQ(by_hash.name(), graph.name());
  EXPECT_EQ(ReasonOf(Commit({DeleteGraph{graph.name(), "one"}}, true)),
            v1::ERROR_REASON_ETAG_MISMATCH);
  ASSERT_OK(Commit({DeleteGraph{graph.name(), "two"}}, true));
  EXPECT_EQ(ReasonOf(Commit({DeleteGraph{graph.name(), ""}}, true)), v1::ERROR_REASON_NOT_FOUND);
  EXPECT_THAT(store->ReadGraph(graph.name()), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(MutationWriterTest, DatasetsAreUniqueByName) {
  v1::Dataset dataset;
  dataset.set_name("projects/default/datasets/d");
  dataset.set_artifact("sha");
  ASSERT_OK(Commit({PutDataset{dataset}}, true));
  EXPECT_EQ(ReasonOf(Commit({PutDataset{dataset}}, true)), v1::ERROR_REASON_ALREADY_EXISTS);
  EXPECT_TRUE(*store->DatasetUses("sha"));
  ASSERT_OK_AND_ASSIGN(const v1::Dataset read, store->ReadDataset(dataset.name()));
  EXPECT_EQ(read.artifact(), "sha");
  ASSERT_OK(Commit({DeleteDataset{dataset.name()}}, true));
  EXPECT_EQ(ReasonOf(Commit({DeleteDataset{dataset.name()}}, true)), v1::ERROR_REASON_NOT_FOUND);
  EXPECT_FALSE(*store->DatasetUses("sha"));
}

TEST_F(MutationWriterTest, ARequestIdInForceRefusesTheWholeBatch) {
  const absl::Time start = absl::FromUnixSeconds(1'700'000'000);
  const auto put = [&](std::string digest, std::string name, absl::Duration later) {
    return PutIdempotency{"CreateGraph/p", "r",           std::move(digest),
                          std::move(name), start + later, start + later - absl::Hours(24)};
  };
  const auto graph = [](const char* name) {
    PutGraph put;
    put.graph.set_name(name);
    return put;
  };
  ASSERT_OK(Commit({put("one", "first", absl::ZeroDuration()), graph("first")}, true));
  const absl::Status refused =
      Commit({graph("second"), put("two", "second", absl::Hours(23))}, true);
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_ALREADY_EXISTS);
  EXPECT_EQ(MetadataOf(refused).at("name"), "first");
  EXPECT_THAT(store->ReadGraph("second"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ((*store->FindIdempotent("CreateGraph/p", "r", start))->digest, "one");
  // Out of force it answers nothing, and may be used again.
  EXPECT_FALSE(store->FindIdempotent("CreateGraph/p", "r", start + absl::Seconds(1))->has_value());
  ASSERT_OK(Commit({graph("second"), put("two", "second", absl::Hours(25))}, true));
  EXPECT_EQ((*store->FindIdempotent("CreateGraph/p", "r", start))->name, "second");
}

TEST_F(MutationWriterTest, RequestIdsAreBounded) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_OK(
        Commit({PutIdempotency{"s", std::to_string(i), "d", "n", absl::FromUnixSeconds(100 + i)}}));
  }
  const absl::Time always = absl::FromUnixSeconds(0);
  ASSERT_OK(Commit({PurgeIdempotency{absl::FromUnixSeconds(102), 5}}));
  EXPECT_FALSE(store->FindIdempotent("s", "1", always)->has_value());
  EXPECT_FALSE(store->FindIdempotent("s", "4", always)->has_value());
  EXPECT_TRUE(store->FindIdempotent("s", "5", always)->has_value());
  ASSERT_OK(Commit({PurgeIdempotency{absl::FromUnixSeconds(0), 100}}));
  EXPECT_TRUE(store->FindIdempotent("s", "9", always)->has_value());
}

}  // namespace
}  // namespace graphkiln::coordinator
