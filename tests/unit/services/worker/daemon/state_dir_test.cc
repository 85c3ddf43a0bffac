#include "services/worker/daemon/state_dir.h"

#include "common/base/file.h"
#include "common/base/ids.h"
#include "gtest/gtest.h"

namespace graphkiln::worker {
namespace {

class StateDirTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::string> root = MakeTempDir("state");
    ASSERT_TRUE(root.ok());
    root_ = *root;
  }
  void TearDown() override { ASSERT_TRUE(RemoveTree(root_).ok()); }
  std::string root_;
  Philox random_{1, "state"};
};

TEST_F(StateDirTest, OneOwnerAtATime) {
  {
    const absl::StatusOr<StateDir> first = StateDir::Open(root_);
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(StateDir::Open(root_).status().code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_TRUE(StateDir::Open(root_).ok());
}

TEST_F(StateDirTest, MadeNameIsValidAndLasts) {
  const absl::StatusOr<StateDir> state = StateDir::Open(root_);
  ASSERT_TRUE(state.ok());
  const absl::StatusOr<std::string> name = state->Name("", "My_Host.example.org", random_);
  ASSERT_TRUE(name.ok());
  EXPECT_TRUE(IsResourceId(*name)) << *name;
  EXPECT_EQ(name->rfind("my-host", 0), 0u) << *name;
  EXPECT_EQ(*state->Name("", "other", random_), *name);
}

TEST_F(StateDirTest, LongHostNamesFit) {
  const absl::StatusOr<StateDir> state = StateDir::Open(root_);
  ASSERT_TRUE(state.ok());
  const absl::StatusOr<std::string> name = state->Name("", std::string(300, 'h'), random_);
  ASSERT_TRUE(name.ok());
  EXPECT_TRUE(IsResourceId(*name));
}

TEST_F(StateDirTest, GivenNameIsCheckedAndNotKept) {
  const absl::StatusOr<StateDir> state = StateDir::Open(root_);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(*state->Name("gpu-7", "h", random_), "gpu-7");
  EXPECT_EQ(state->Name("../x", "h", random_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(*state->Name("", "h", random_), "gpu-7");
}

TEST_F(StateDirTest, DamagedNameFileIsReplaced) {
  const absl::StatusOr<StateDir> state = StateDir::Open(root_);
  ASSERT_TRUE(state.ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(root_, "name"), "!! not a name").ok());
  EXPECT_TRUE(IsResourceId(*state->Name("", "h", random_)));
}

}  // namespace
}  // namespace graphkiln::worker
