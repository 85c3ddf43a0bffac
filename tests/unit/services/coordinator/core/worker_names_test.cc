#include "services/coordinator/core/worker_names.h"

#include <gtest/gtest.h>

#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {
namespace {

TEST(WorkerNamesTest, OneNameIsThatWorkerAlone) {
  const WorkerNames names = WorkerNames::Matching("w1");
  EXPECT_TRUE(names.Covers("w1"));
  EXPECT_TRUE(names.Covers("workers/w1"));
  for (const char* other : {"w2", "w10", "workers/w10", "w", "", "workers/", "projects/w1"}) {
    EXPECT_FALSE(names.Covers(other)) << other;
  }
  EXPECT_TRUE(names.Check("workers/w1").ok());
  const absl::Status denied = names.Check("workers/w2");
  EXPECT_EQ(ReasonOf(denied), v1::ERROR_REASON_PERMISSION_DENIED);
  EXPECT_EQ(MetadataOf(denied)["worker"], "w2");
}

TEST(WorkerNamesTest, AStarIsAPool) {
  const WorkerNames pool = WorkerNames::Matching("pool-*");
  EXPECT_TRUE(pool.Covers("workers/pool-a7"));
  EXPECT_FALSE(pool.Covers("workers/pool"));
  EXPECT_TRUE(WorkerNames::Any().Covers("workers/anyone"));
  EXPECT_FALSE(WorkerNames().Covers("workers/anyone"));
  EXPECT_TRUE(WorkerNames().empty());
}

TEST(WorkerNamesTest, CertificateAndTokenMustBothCover) {
  // What is no id (a host's DNS name, a wildcard) names no worker.
  const WorkerNames certificate = WorkerNames::Exactly({"w1", "pool-1", "*", "host.example", "W2"});
  EXPECT_FALSE(certificate.Covers("anyone"));
  EXPECT_FALSE(certificate.Covers("host.example"));
  const WorkerNames both = certificate.CoveredBy(WorkerNames::Matching("pool-*"));
  EXPECT_TRUE(both.Covers("pool-1"));
  EXPECT_FALSE(both.Covers("w1"));
  EXPECT_FALSE(both.Covers("pool-2"));
  EXPECT_TRUE(certificate.CoveredBy(WorkerNames::Any()).Covers("w1"));
}

}  // namespace
}  // namespace graphkiln::coordinator
