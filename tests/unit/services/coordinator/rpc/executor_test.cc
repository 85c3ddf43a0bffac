#include "services/coordinator/rpc/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace graphkiln::coordinator {
namespace {

class Gate {
 public:
  void Open() {
    std::lock_guard lock(mu_);
    open_ = true;
    wake_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mu_);
    wake_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mu_;
  std::condition_variable wake_;
  bool open_ = false;
};

TEST(ExecutorTest, RunsAllThatWasTakenBeforeItStops) {
  std::atomic<int> ran{0};
  Executor executor(3, 1000);
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(executor.TryPost([&] { ++ran; }));
  executor.Stop();
  EXPECT_EQ(ran.load(), 500);
  EXPECT_FALSE(executor.TryPost([&] { ++ran; }));
  executor.Post([&] { ++ran; });
  EXPECT_EQ(ran.load(), 500);
}

TEST(ExecutorTest, RefusesRequestsBeyondItsBoundButNotContinuations) {
  Gate started;
  Gate gate;
  std::atomic<int> ran{0};
  Executor executor(1, 2);
  executor.Post([&] {
    started.Open();
    gate.Wait();
  });
  started.Wait();
  EXPECT_TRUE(executor.TryPost([&] { ++ran; }));
  EXPECT_TRUE(executor.TryPost([&] { ++ran; }));
  EXPECT_FALSE(executor.TryPost([&] { ++ran; }));
  executor.Post([&] { ++ran; });
  EXPECT_EQ(executor.waiting(), 3u);
  gate.Open();
  executor.Stop();
  EXPECT_EQ(ran.load(), 3);
}

}  // namespace
}  // namespace graphkiln::coordinator
