#include "services/worker/daemon/artifact_cache.h"

#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_coordinator_api.h"

namespace graphkiln::worker {
namespace {

class ArtifactCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::string> root = MakeTempDir("cache");
    ASSERT_TRUE(root.ok());
    root_ = *root;
  }
  void TearDown() override { ASSERT_TRUE(RemoveTree(root_).ok()); }

  std::unique_ptr<ArtifactCache> Open(uint64_t max_bytes = 1000) {
    ArtifactCache::Options options;
    options.folder = root_;
    options.max_bytes = max_bytes;
    options.pause = absl::Milliseconds(1);
    absl::StatusOr<std::unique_ptr<ArtifactCache>> cache = ArtifactCache::Open(options, api_);
    EXPECT_TRUE(cache.ok()) << cache.status();
    return *std::move(cache);
  }

  std::string root_;
  fake::FakeCoordinatorApi api_;
  Cancellation cancellation_;
};

TEST_F(ArtifactCacheTest, DownloadsOnceAndKeepsAcrossRestarts) {
  const std::string sha256 = api_.Put("the data");
  {
    auto cache = Open();
    for (int i = 0; i < 3; ++i) {
      const absl::StatusOr<ArtifactCache::Pin> pin = cache->Get(sha256, cancellation_);
      ASSERT_TRUE(pin.ok()) << pin.status();
      EXPECT_EQ(*ReadFile(pin->path(), 100), "the data");
    }
    EXPECT_EQ(cache->bytes(), 8u);
  }
  auto again = Open();
  EXPECT_TRUE(again->Get(sha256, cancellation_).ok());
  EXPECT_EQ(api_.downloads, 1);
}

TEST_F(ArtifactCacheTest, FileThatWasAlteredTruncatedOrRemovedIsFetchedAgain) {
  const std::string sha256 = api_.Put("the data");
  const std::string path = JoinPath(root_, sha256);
  const std::vector<std::function<void()>> faults = {
      [&] { std::ofstream(path) << "THE DATA"; },  // in place, of equal length
      [&] { ASSERT_EQ(::truncate(path.c_str(), 3), 0); },
      [&] { ASSERT_TRUE(RemoveFile(path).ok()); },
      [&] { ASSERT_TRUE(WriteFileAtomic(path, "replaced").ok()); },
  };
  auto cache = Open();
  ASSERT_TRUE(cache->Get(sha256, cancellation_).ok());
  int downloads = 1;
  for (const bool restart : {false, true}) {
    for (const auto& fault : faults) {
      if (restart) cache.reset();
      fault();
      if (restart) cache = Open();
      const absl::StatusOr<ArtifactCache::Pin> pin = cache->Get(sha256, cancellation_);
      ASSERT_TRUE(pin.ok()) << pin.status();
      EXPECT_TRUE(pin->Sound());
      EXPECT_EQ(*ReadFile(pin->path(), 100), "the data");
      EXPECT_EQ(api_.downloads, ++downloads);
      EXPECT_EQ(cache->bytes(), 8u);
    }
  }
}

TEST_F(ArtifactCacheTest, TouchedFileIsCheckedNotFetched) {
  const std::string sha256 = api_.Put("the data");
  auto cache = Open();
  ASSERT_TRUE(cache->Get(sha256, cancellation_).ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(root_, sha256), "the data").ok());
  EXPECT_TRUE(cache->Get(sha256, cancellation_).ok());
  EXPECT_EQ(api_.downloads, 1);
}

TEST_F(ArtifactCacheTest, FaultUnderAUserIsSeenAndTheNextOneGetsAFreshFile) {
  const std::string sha256 = api_.Put("the data");
  auto cache = Open();
  absl::StatusOr<ArtifactCache::Pin> first = cache->Get(sha256, cancellation_);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(RemoveFile(first->path()).ok());
  EXPECT_FALSE(first->Sound());
  api_.Set([](auto& api) { api.download_errors.push_back(absl::NotFoundError("not now")); });
  EXPECT_FALSE(cache->Get(sha256, cancellation_).ok());
  absl::StatusOr<ArtifactCache::Pin> second = cache->Get(sha256, cancellation_);
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(second->Sound());
  *first = ArtifactCache::Pin();  // the earlier user goes; the later one's file stays
  EXPECT_EQ(*ReadFile(second->path(), 100), "the data");
  EXPECT_EQ(cache->bytes(), 8u);
}

TEST_F(ArtifactCacheTest, EmptyFileIsAFile) {
  auto cache = Open();
  const absl::StatusOr<ArtifactCache::Pin> pin = cache->Get(api_.Put(""), cancellation_);
  ASSERT_TRUE(pin.ok());
  EXPECT_EQ(*FileSize(pin->path()), 0u);
}

TEST_F(ArtifactCacheTest, ManyJobsOneDownload) {
  const std::string sha256 = api_.Put("shared");
  auto cache = Open();
  api_.Set([](auto& api) { api.block_downloads = true; });
  std::vector<std::thread> jobs;
  for (int i = 0; i < 6; ++i) {
    jobs.emplace_back([&] { EXPECT_TRUE(cache->Get(sha256, cancellation_).ok()); });
  }
  ASSERT_TRUE(api_.WaitUntil([&] { return api_.downloads == 1; }));
  api_.Set([](auto& api) { api.block_downloads = false; });
  for (std::thread& job : jobs) {
    job.join();
  }
  EXPECT_EQ(api_.downloads, 1);
}

TEST_F(ArtifactCacheTest, WrongBytesAreNeverKept) {
  const std::string sha256 = Sha256Hex("right");
  api_.Set([&](auto& api) { api.artifacts[sha256] = "wrong"; });
  auto cache = Open();
  EXPECT_EQ(cache->Get(sha256, cancellation_).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(api_.downloads, 3);
  EXPECT_TRUE(ListDir(root_)->empty());
  api_.Set([&](auto& api) { api.artifacts[sha256] = "right"; });
  EXPECT_TRUE(cache->Get(sha256, cancellation_).ok());
}

TEST_F(ArtifactCacheTest, CoordinatorThatIsAwayIsWaitedFor) {
  const std::string sha256 = api_.Put("x");
  api_.Set([](auto& api) { api.download_errors.assign(6, absl::UnavailableError("restarting")); });
  auto cache = Open();
  EXPECT_TRUE(cache->Get(sha256, cancellation_).ok());
  EXPECT_EQ(api_.downloads, 7);
}

TEST_F(ArtifactCacheTest, MissingIsNotTriedAgain) {
  auto cache = Open();
  EXPECT_EQ(cache->Get(Sha256Hex("nothing"), cancellation_).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(api_.downloads, 1);
}

TEST_F(ArtifactCacheTest, OnlyDigestsAreNames) {
  auto cache = Open();
  for (const std::string& bad : std::vector<std::string>{
           "", "../../etc/passwd", std::string(64, 'G'), std::string(63, 'a')}) {
    EXPECT_EQ(cache->Get(bad, cancellation_).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(api_.downloads, 0);
}

TEST_F(ArtifactCacheTest, CancellationEndsDownloadAndWaiting) {
  const std::string sha256 = api_.Put("slow");
  auto cache = Open();
  api_.Set([](auto& api) { api.block_downloads = true; });
  Cancellation second;
  std::thread loading([&] {
    EXPECT_EQ(cache->Get(sha256, cancellation_).status().code(), absl::StatusCode::kCancelled);
  });
  ASSERT_TRUE(api_.WaitUntil([&] { return api_.downloads == 1; }));
  std::thread waiting(
      [&] { EXPECT_EQ(cache->Get(sha256, second).status().code(), absl::StatusCode::kCancelled); });
  second.Cancel();
  waiting.join();
  cancellation_.Cancel();
  loading.join();
  // The next job starts afresh.
  api_.Set([](auto& api) { api.block_downloads = false; });
  Cancellation third;
  EXPECT_TRUE(cache->Get(sha256, third).ok());
}

TEST_F(ArtifactCacheTest, LeastRecentlyUsedGoesFilesInUseStay) {
  auto cache = Open(/*max_bytes=*/20);
  const std::string a = api_.Put("aaaaaaaaaa");
  const std::string b = api_.Put("bbbbbbbbbb");
  const std::string c = api_.Put("cccccccccc");
  absl::StatusOr<ArtifactCache::Pin> pinned = cache->Get(a, cancellation_);
  ASSERT_TRUE(pinned.ok());
  ASSERT_TRUE(cache->Get(b, cancellation_).ok());
  ASSERT_TRUE(cache->Get(c, cancellation_).ok());
  EXPECT_TRUE(FileExists(JoinPath(root_, a)));  // oldest, but in use
  EXPECT_FALSE(FileExists(JoinPath(root_, b)));
  EXPECT_TRUE(FileExists(JoinPath(root_, c)));
  EXPECT_EQ(cache->bytes(), 20u);
}

TEST_F(ArtifactCacheTest, CutOffTransfersAreRemovedAtStart) {
  ASSERT_TRUE(WriteFileAtomic(JoinPath(root_, std::string(64, 'a') + ".tmp.1234"), "half").ok());
  auto cache = Open();
  EXPECT_TRUE(ListDir(root_)->empty());
  EXPECT_EQ(cache->bytes(), 0u);
}

}  // namespace
}  // namespace graphkiln::worker
