#include "services/worker/daemon/inventory.h"

#include <string>

#include "common/base/file.h"
#include "gtest/gtest.h"

namespace graphkiln::worker {
namespace {

class InventoryTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::string> root = MakeTempDir("inventory");
    ASSERT_TRUE(root.ok());
    root_ = *root;
    Put("proc/meminfo", "MemFree: 1 kB\nMemTotal:       2048 kB\n");
    Put("proc/vmstat", "nr_free 1\noom_kill 4\n");
    Put("proc/self/cgroup", "");
  }
  void TearDown() override { ASSERT_TRUE(RemoveTree(root_).ok()); }

  void Put(const std::string& path, const std::string& text) {
    const std::string full = JoinPath(root_, path);
    ASSERT_TRUE(MakeDirs(DirName(full)).ok());
    ASSERT_TRUE(WriteFileAtomic(full, text).ok());
  }

  std::string root_;
};

TEST_F(InventoryTest, HostWithoutLimits) {
  const HostFacts host(root_);
  EXPECT_GE(host.Cores(), 1);
  EXPECT_EQ(host.MemoryBytes(), 2048 * 1024);
  EXPECT_EQ(host.OutOfMemoryKills(), 4);
}

TEST_F(InventoryTest, CgroupTwoCutsMemoryAndCores) {
  Put("proc/self/cgroup", "0::/job\n");
  Put("sys/fs/cgroup/job/memory.max", "1048576\n");
  Put("sys/fs/cgroup/job/cpu.max", "50000 100000\n");
  Put("sys/fs/cgroup/job/memory.events", "low 0\noom 3\noom_kill 2\n");
  const HostFacts host(root_);
  EXPECT_EQ(host.MemoryBytes(), 1048576);
  EXPECT_EQ(host.Cores(), 1);
  EXPECT_EQ(host.OutOfMemoryKills(), 6);
}

TEST_F(InventoryTest, UnlimitedCgroupTwo) {
  Put("proc/self/cgroup", "0::/\n");
  Put("sys/fs/cgroup/memory.max", "max\n");
  Put("sys/fs/cgroup/cpu.max", "max 100000\n");
  const HostFacts host(root_);
  EXPECT_EQ(host.MemoryBytes(), 2048 * 1024);
  EXPECT_EQ(host.Cores(), HostFacts().Cores());
}

TEST_F(InventoryTest, CgroupOneWhoseOutsidePathIsNotMounted) {
  Put("proc/self/cgroup", "5:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n");
  Put("sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n");
  Put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
  Put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  const HostFacts host(root_);
  EXPECT_EQ(host.MemoryBytes(), 4096);
  EXPECT_EQ(host.Cores(), 1);
}

TEST_F(InventoryTest, NothingReadableIsUnknownNotACrash) {
  const HostFacts host(JoinPath(root_, "nowhere"));
  EXPECT_EQ(host.MemoryBytes(), 0);
  EXPECT_EQ(host.OutOfMemoryKills(), 0);
  EXPECT_GE(host.Cores(), 1);
}

TEST_F(InventoryTest, SlotsDefaultToCores) {
  const HostFacts host(root_);
  EXPECT_EQ(MakeInventory(host, 0).slots(), host.Cores());
  EXPECT_EQ(MakeInventory(host, 3).slots(), 3);
  EXPECT_EQ(MakeInventory(host, 3).cores(), host.Cores());
  EXPECT_EQ(MakeInventory(host, 0).devices_size(), 0);
  EXPECT_FALSE(MakeInventory(host, 0).version().empty());
}

}  // namespace
}  // namespace graphkiln::worker
