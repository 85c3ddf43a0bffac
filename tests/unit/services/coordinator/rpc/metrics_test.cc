#include "services/coordinator/rpc/metrics.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace graphkiln::coordinator {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MetricsTest, ShowsWhatTheCoreCounts) {
  Metrics metrics("1.2.3");
  metrics.AddJobs("QUEUED", "default", 3);
  metrics.AddJobs("QUEUED", "default", -1);
  metrics.JobFinished("default", "FAILED", "OUT_OF_MEMORY");
  metrics.Startup("first_step", 0.02);
  metrics.AddWorkers("ACTIVE", 1);
  metrics.LeaseFencedWrite();
  const std::string text = metrics.Render();
  EXPECT_THAT(text, HasSubstr("graphkiln_jobs{queue=\"default\",state=\"QUEUED\"} 2"));
  EXPECT_THAT(text,
              HasSubstr("graphkiln_jobs_finished_total{queue=\"default\",reason=\"OUT_OF_MEMORY\","
                        "result=\"FAILED\"} 1"));
  EXPECT_THAT(
      text, HasSubstr("graphkiln_job_startup_seconds_bucket{phase=\"first_step\",le=\"0.025\"} 1"));
  EXPECT_THAT(
      text, HasSubstr("graphkiln_job_startup_seconds_bucket{phase=\"first_step\",le=\"0.01\"} 0"));
  EXPECT_THAT(text, HasSubstr("graphkiln_workers{state=\"ACTIVE\"} 1"));
  EXPECT_THAT(text, HasSubstr("graphkiln_lease_fenced_writes_total 1"));
  EXPECT_THAT(text, HasSubstr("graphkiln_build_info{version=\"1.2.3\"} 1"));
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes "));
  EXPECT_THAT(text, HasSubstr("process_open_fds "));
}

TEST(MetricsTest, LabelsThatUsersChooseAreBounded) {
  Metrics metrics("1");
  for (int i = 0; i < 3000; ++i) metrics.JobSubmitted(fmt::format("queue{}", i));
  const std::string text = metrics.Render();
  EXPECT_THAT(text, HasSubstr("{queue=\"queue499\"} 1"));
  EXPECT_THAT(text, Not(HasSubstr("queue2999")));
  EXPECT_THAT(text, HasSubstr("{queue=\"other\"} 2500"));
}

}  // namespace
}  // namespace graphkiln::coordinator
