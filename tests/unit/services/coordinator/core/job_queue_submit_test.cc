#include <gtest/gtest.h>

#include "services/coordinator/core/job_queue.h"
#include "tests/fakes/queue_harness.h"

namespace graphkiln::coordinator {
namespace {

using testing::SizeIs;

TEST(JobQueueSubmitTest, IsAnsweredOnlyWhenDurable) {
  QueueHarness harness;
  std::optional<absl::StatusOr<v1::Job>> answer;
  harness.SubmitLater(harness.Args("a"), &answer);
  EXPECT_FALSE(answer.has_value());
  EXPECT_THAT(harness.queue->Get("a"), StatusIs(absl::StatusCode::kNotFound));
  harness.store.Flush();
  ASSERT_TRUE(answer.has_value());
  ASSERT_OK(answer->status());
  EXPECT_EQ((*answer)->name(), "projects/default/jobs/a");
  EXPECT_EQ((*answer)->state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ((*answer)->spec().graph().hash(), FakeDigest('a'));
  EXPECT_THAT((*answer)->uid(), SizeIs(32));
  EXPECT_EQ(harness.Get("a").owner(), "tester");
}

TEST(JobQueueSubmitTest, I9_TheSameRequestIdGivesTheSameJobAlsoWhileTheFirstRuns) {
  QueueHarness harness;
  SubmitArgs args = harness.Args("");
  args.request_id = "r";
  std::optional<absl::StatusOr<v1::Job>> first;
  std::optional<absl::StatusOr<v1::Job>> second;
  harness.SubmitLater(args, &first);
  harness.SubmitLater(args, &second);
  EXPECT_FALSE(second.has_value());
  harness.store.Flush();
  ASSERT_OK(first->status());
  ASSERT_OK(second->status());
  EXPECT_EQ((*first)->uid(), (*second)->uid());
  ASSERT_OK_AND_ASSIGN(const JobPage page, harness.queue->List({}));
  EXPECT_THAT(page.jobs, SizeIs(1));

  harness.Crash();  // also after a restart
  ASSERT_OK_AND_ASSIGN(const v1::Job again, harness.Submit(args));
  EXPECT_EQ(again.uid(), (*first)->uid());
  std::optional<absl::StatusOr<v1::Job>> found;
  const auto note = [&](const absl::StatusOr<v1::Job>& job) { found = job; };
  EXPECT_TRUE(harness.queue->AnswerSubmitted("default", "r", args.request_digest, note));
  EXPECT_EQ((*found)->uid(), again.uid());

  // The request counts, not what it resolves to.
  SubmitArgs resolved = args;
  resolved.spec.set_epochs(5);
  EXPECT_EQ(harness.Submit(resolved)->uid(), again.uid());
  SubmitArgs other = args;
  other.request_digest = "of another request";
  const absl::Status refused = harness.Submit(other).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_ALREADY_EXISTS);
  EXPECT_TRUE(harness.queue->AnswerSubmitted("default", "r", other.request_digest, note));
  EXPECT_EQ(ReasonOf(found->status()), v1::ERROR_REASON_ALREADY_EXISTS);
  EXPECT_FALSE(harness.queue->AnswerSubmitted("other", "r", args.request_digest, note));
  harness.clock.Advance(absl::Hours(25));
  EXPECT_FALSE(harness.queue->AnswerSubmitted("default", "r", args.request_digest, note));
  ASSERT_OK_AND_ASSIGN(const v1::Job later, harness.Submit(other));
  EXPECT_NE(later.uid(), again.uid());
}

TEST(JobQueueSubmitTest, AUsedNameIsRefused) {
  QueueHarness harness;
  ASSERT_OK(harness.Submit("a").status());
  const absl::Status refused = harness.Submit("a").status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_ALREADY_EXISTS);
}

TEST(JobQueueSubmitTest, BadArgumentsAreRefused) {
  QueueHarness harness;
  EXPECT_THAT(harness.Submit("Not An Id"), StatusIs(absl::StatusCode::kInvalidArgument));
  SubmitArgs args = harness.Args("a");
  args.request_id = std::string(1000, 'r');
  EXPECT_THAT(harness.Submit(args), StatusIs(absl::StatusCode::kInvalidArgument));
  args = harness.Args("a");
  args.project = "../etc";
  EXPECT_THAT(harness.Submit(args), StatusIs(absl::StatusCode::kInvalidArgument));
  args = harness.Args("a");
  args.ir_bytes.clear();
  EXPECT_THAT(harness.Submit(args), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(JobQueueSubmitTest, UnfinishedJobsAreLimitedPerProjectFirst) {
  CoreOptions options;
  options.max_open_jobs = 3;
  options.max_open_jobs_per_project = 2;
  QueueHarness harness(options);
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(harness.Submit("b").status());
  absl::Status refused = harness.Submit("c").status();
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_QUOTA_EXCEEDED);
  EXPECT_EQ(MetadataOf(refused).at("limit"), "2");
  SubmitArgs other = harness.Args("c");
  other.project = "other";
  ASSERT_OK(harness.Submit(other).status());
  other.job_id = "d";
  EXPECT_EQ(MetadataOf(harness.Submit(other).status()).at("limit"), "3");
  ASSERT_OK(harness.Cancel("a").status());
  ASSERT_OK(harness.Submit("e").status());
}

TEST(JobQueueSubmitTest, WhenTheDiskIsFullSubmitsAreRefusedAndNothingAcceptedIsLost) {
  QueueHarness harness;
  FakeWorker worker(&harness, "w");
  ASSERT_OK(worker.Sync());
  ASSERT_OK(harness.Submit("kept").status());

  // The first one finds out; it must vanish without trace.
  SubmitArgs args = harness.Args("refused");
  args.request_id = "r";
  std::optional<absl::StatusOr<v1::Job>> answer;
  harness.SubmitLater(args, &answer);
  std::optional<absl::StatusOr<v1::Job>> repeated;
  harness.SubmitLater(args, &repeated);
  harness.store.Refuse(true);
  harness.store.Flush();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(ReasonOf(answer->status()), v1::ERROR_REASON_STORAGE_UNAVAILABLE);
  ASSERT_TRUE(repeated.has_value());
  EXPECT_EQ(ReasonOf(repeated->status()), v1::ERROR_REASON_STORAGE_UNAVAILABLE);
  EXPECT_FALSE(harness.queue->Ready());
  EXPECT_THAT(harness.queue->Get("refused"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(harness.queue->CheckInvariants());
  // The next one is refused at once.
  EXPECT_THAT(harness.Submit("at-once"), StatusIs(absl::StatusCode::kResourceExhausted));

  harness.store.Refuse(false);
  EXPECT_TRUE(harness.queue->Ready());
  ASSERT_OK(harness.Submit(args).status());
  EXPECT_EQ(harness.State("kept"), v1::JOB_STATE_OFFERED);
  harness.Crash();
  EXPECT_OK(harness.queue->Get("kept").status());
  EXPECT_OK(harness.queue->Get("refused").status());
}

TEST(JobQueueSubmitTest, ACrashBeforeTheCommitLeavesNoJob) {
  QueueHarness harness;
  std::optional<absl::StatusOr<v1::Job>> answer;
  harness.SubmitLater(harness.Args("a"), &answer);
  harness.Crash();
  EXPECT_FALSE(answer.has_value());
  EXPECT_THAT(harness.queue->Get("a"), StatusIs(absl::StatusCode::kNotFound));
}

TEST(JobQueueSubmitTest, EqualProgramsAreStoredOnceAndDroppedWithTheirLastJob) {
  QueueHarness harness;
  ASSERT_OK(harness.Submit("a").status());
  ASSERT_OK(harness.Submit("b").status());
  EXPECT_EQ(harness.store.programs(), 1u);
  ASSERT_OK(harness.Cancel("a").status());
  EXPECT_EQ(harness.store.programs(), 1u);
  ASSERT_OK(harness.Cancel("b").status());
  EXPECT_EQ(harness.store.programs(), 0u);
}

TEST(JobQueueSubmitTest, RequestIdsOutOfForceArePurgedFromTheStore) {
  CoreOptions options;
  options.max_request_ids = 7;
  QueueHarness harness(options);
  SubmitArgs args = harness.Args("");
  args.request_id = "r";
  ASSERT_OK(harness.Submit(args).status());
  harness.queue->PurgeRequestIds();
  harness.store.Flush();
  EXPECT_EQ(harness.store.request_ids(), 1u);
  harness.clock.Advance(absl::Hours(25));
  harness.queue->PurgeRequestIds();
  harness.store.Flush();
  EXPECT_EQ(harness.store.request_ids(), 0u);
  EXPECT_EQ(harness.store.purged_to(), 7);
}

}  // namespace
}  // namespace graphkiln::coordinator
