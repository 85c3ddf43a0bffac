#include "services/coordinator/core/commit_pipeline.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/base/status.h"

namespace graphkiln::coordinator {
namespace {

TEST(CommitPipelineTest, NumbersBatchesAndKeepsTheirEffects) {
  CommitPipeline pipeline;
  pipeline.Stage(DropProgram{"a"});
  pipeline.OnDurable(ReleaseArtifacts{{"x"}});
  EXPECT_EQ(pipeline.next_id(), 1u);
  EXPECT_EQ(pipeline.Seal().size(), 1u);
  EXPECT_TRUE(pipeline.empty());
  EXPECT_EQ(pipeline.finished_id(), 0u);
  const SentBatch batch = pipeline.Finish(1);
  EXPECT_EQ(batch.effects.size(), 1u);
  EXPECT_EQ(pipeline.finished_id(), 1u);
}

TEST(CommitPipelineTest, ARefusedBatchMayFinishBeforeOlderOnes) {
  CommitPipeline pipeline;
  std::vector<int> called;
  for (int i = 1; i <= 3; ++i) {
    pipeline.Seal();
    pipeline.After(static_cast<uint64_t>(i), [&called, i](absl::Status) { called.push_back(i); });
  }
  for (const auto& after : pipeline.Finish(2).after) after(absl::OkStatus());
  EXPECT_EQ(called, std::vector<int>{2});
  EXPECT_EQ(pipeline.finished_id(), 0u);
  pipeline.Finish(1);
  EXPECT_EQ(pipeline.finished_id(), 2u);
  pipeline.Finish(3);
  EXPECT_EQ(pipeline.finished_id(), 3u);
}

TEST(CommitPipelineTest, FinishingTwiceIsABug) {
  SetAbortOnBug(false);
  CommitPipeline pipeline;
  pipeline.Seal();
  pipeline.Finish(1);
  const uint64_t before = BugCounts()["commit_pipeline.finish"];
  pipeline.Finish(1);
  EXPECT_EQ(BugCounts()["commit_pipeline.finish"], before + 1);
}

}  // namespace
}  // namespace graphkiln::coordinator
