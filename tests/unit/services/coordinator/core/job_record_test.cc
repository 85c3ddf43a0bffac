#include "services/coordinator/core/job_record.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "common/base/status.h"

namespace graphkiln::coordinator {
namespace {

JobRecord MakeJob(const v1::JobSpec& spec = {}) {
  auto job = std::make_shared<v1::Job>();
  job->set_uid("uid");
  job->set_name("projects/default/jobs/a");
  job->set_state(v1::JOB_STATE_QUEUED);
  job->mutable_estimate()->set_peak_bytes(1000);
  return JobRecord("default", job, std::make_shared<const std::string>(spec.SerializeAsString()),
                   spec, {});
}

TEST(JobRecordTest, ExactlyTheTransitionsOfTheTableAreLegal) {
  const std::map<int, std::set<int>> legal = {
      {v1::JOB_STATE_QUEUED,
       {v1::JOB_STATE_OFFERED, v1::JOB_STATE_PAUSED, v1::JOB_STATE_CANCELLED}},
      {v1::JOB_STATE_OFFERED,
       {v1::JOB_STATE_RUNNING, v1::JOB_STATE_QUEUED, v1::JOB_STATE_CANCELLING,
        v1::JOB_STATE_FAILED}},
      {v1::JOB_STATE_RUNNING,
       {v1::JOB_STATE_SUCCEEDED, v1::JOB_STATE_FAILED, v1::JOB_STATE_BACKOFF,
        v1::JOB_STATE_CANCELLING, v1::JOB_STATE_PREEMPTING, v1::JOB_STATE_QUEUED}},
      {v1::JOB_STATE_PREEMPTING,
       {v1::JOB_STATE_QUEUED, v1::JOB_STATE_PAUSED, v1::JOB_STATE_FAILED, v1::JOB_STATE_CANCELLING,
        v1::JOB_STATE_SUCCEEDED}},
      {v1::JOB_STATE_PAUSED, {v1::JOB_STATE_QUEUED, v1::JOB_STATE_CANCELLED}},
      {v1::JOB_STATE_CANCELLING, {v1::JOB_STATE_CANCELLED}},
      {v1::JOB_STATE_BACKOFF,
       {v1::JOB_STATE_QUEUED, v1::JOB_STATE_PAUSED, v1::JOB_STATE_CANCELLED}}};
  for (int from = 1; from <= v1::JOB_STATE_CANCELLED; ++from) {
    for (int to = 1; to <= v1::JOB_STATE_CANCELLED; ++to) {
      const bool expected = legal.contains(from) && legal.at(from).contains(to);
      EXPECT_EQ(JobRecord::IsLegal(static_cast<v1::JobState>(from), static_cast<v1::JobState>(to)),
                expected)
          << from << " -> " << to;
    }
  }
}

TEST(JobRecordTest, AChangeIsSeenOnlyAfterItWasShown) {
  JobRecord job = MakeJob();
  job.Show(job.latest());
  EXPECT_TRUE(job.TransitionTo(v1::JOB_STATE_PAUSED));
  EXPECT_EQ(job.state(), v1::JOB_STATE_PAUSED);
  EXPECT_EQ(job.visible()->state(), v1::JOB_STATE_QUEUED);
  job.Show(job.Freeze());
  EXPECT_EQ(job.visible()->state(), v1::JOB_STATE_PAUSED);
  EXPECT_FALSE(job.has_draft());
}

TEST(JobRecordTest, I4_LeavingATerminalStateIsABug) {
  SetAbortOnBug(false);
  JobRecord job = MakeJob();
  ASSERT_TRUE(job.TransitionTo(v1::JOB_STATE_CANCELLED));
  EXPECT_FALSE(job.TransitionTo(v1::JOB_STATE_QUEUED));
  EXPECT_EQ(job.state(), v1::JOB_STATE_CANCELLED);
}

TEST(JobRecordTest, NeedsComeFromTheSpecAndMemoryFromTheEstimateWhereNotSaid) {
  v1::JobSpec spec;
  EXPECT_EQ(MakeJob(spec).needs().memory_bytes, 1000);
  EXPECT_EQ(MakeJob(spec).needs().device, "any");
  spec.mutable_resources()->set_memory_bytes(77);
  spec.mutable_resources()->set_device("cuda");
  spec.mutable_resources()->set_cores(3);
  spec.set_priority(5000);
  spec.mutable_data()->mutable_csv()->set_artifact("sha");
  const JobRecord job = MakeJob(spec);
  EXPECT_EQ(job.needs().memory_bytes, 77);
  EXPECT_EQ(job.needs().device, "cuda");
  EXPECT_EQ(job.needs().cores, 3);
  EXPECT_EQ(job.priority(), 1000);
  EXPECT_EQ(job.queue(), "default");
  EXPECT_EQ(job.spec_artifacts(), std::vector<std::string>{"sha"});
}

}  // namespace
}  // namespace graphkiln::coordinator
