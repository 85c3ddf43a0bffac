#include "services/worker/daemon/lease_folder.h"

#include "common/base/file.h"
#include "common/base/hash.h"
#include "gtest/gtest.h"

namespace graphkiln::worker {
namespace {

const LeaseId kId{"projects/default/jobs/j", 2};

class LeaseFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::string> root = MakeTempDir("leases");
    ASSERT_TRUE(root.ok());
    root_ = *root;
  }
  void TearDown() override { ASSERT_TRUE(RemoveTree(root_).ok()); }
  std::string root_;
};

TEST_F(LeaseFolderTest, KeepsFilesUnderTheirDigest) {
  absl::StatusOr<LeaseFolder> folder = LeaseFolder::Create(root_, kId);
  ASSERT_TRUE(folder.ok());
  const std::string path = JoinPath(folder->work_dir(), "w.bin");
  ASSERT_TRUE(WriteFileAtomic(path, "bytes").ok());
  const absl::StatusOr<std::string> sha256 = folder->Keep(path);
  ASSERT_TRUE(sha256.ok());
  EXPECT_EQ(*sha256, Sha256Hex("bytes"));
  EXPECT_EQ(*ReadFile(folder->KeptPath(*sha256), 100), "bytes");
  EXPECT_FALSE(FileExists(path));
}

TEST_F(LeaseFolderTest, TakesNothingFromOutside) {
  absl::StatusOr<LeaseFolder> folder = LeaseFolder::Create(root_, kId);
  ASSERT_TRUE(folder.ok());
  const std::string outside = JoinPath(root_, "secret");
  ASSERT_TRUE(WriteFileAtomic(outside, "s").ok());
  EXPECT_EQ(folder->Keep(outside).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(folder->Keep(folder->work_dir() + "/../../../secret").status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(FileExists(outside));
  EXPECT_FALSE(folder->Keep(folder->work_dir() + "/missing").ok());
}

TEST_F(LeaseFolderTest, SavedEndsAreRecoveredAllElseIsRemoved) {
  absl::StatusOr<LeaseFolder> folder = LeaseFolder::Create(root_, kId);
  ASSERT_TRUE(folder.ok());
  PendingEnd end;
  end.finish.set_job(kId.job);
  end.finish.set_lease_epoch(kId.epoch);
  end.finish.set_step(12);
  end.checkpoint.emplace().mutable_checkpoint()->set_step(11);
  end.best.emplace().mutable_checkpoint()->set_step(7);
  ASSERT_TRUE(folder->Save(end).ok());
  ASSERT_TRUE(LeaseFolder::Create(root_, {"projects/default/jobs/running", 1}).ok());
  ASSERT_TRUE(MakeDirs(JoinPath(root_, "broken")).ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(root_, "broken/finish.pb"), "\xff\xff").ok());

  const auto ends = LeaseFolder::Recover(root_);
  ASSERT_TRUE(ends.ok());
  ASSERT_EQ(ends->size(), 1u);
  EXPECT_EQ((*ends)[0].second.finish.step(), 12);
  ASSERT_TRUE((*ends)[0].second.checkpoint.has_value());
  EXPECT_EQ((*ends)[0].second.checkpoint->checkpoint().step(), 11);
  EXPECT_EQ((*ends)[0].second.best->checkpoint().step(), 7);
  EXPECT_EQ(ListDir(root_)->size(), 1u);

  // Saved again without the checkpoint (it is committed now): it does not come back.
  end.checkpoint.reset();
  LeaseFolder again = (*ends)[0].first;
  ASSERT_TRUE(again.Save(end).ok());
  EXPECT_FALSE((*LeaseFolder::Recover(root_))[0].second.checkpoint.has_value());
  again.Remove();
  EXPECT_TRUE(LeaseFolder::Recover(root_)->empty());
}

TEST_F(LeaseFolderTest, CreateStartsEmpty) {
  absl::StatusOr<LeaseFolder> folder = LeaseFolder::Create(root_, kId);
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(folder->work_dir(), "old"), "x").ok());
  ASSERT_TRUE(LeaseFolder::Create(root_, kId).ok());
  EXPECT_TRUE(ListDir(folder->work_dir())->empty());
}

}  // namespace
}  // namespace graphkiln::worker
