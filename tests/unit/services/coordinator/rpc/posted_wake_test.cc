#include "services/coordinator/rpc/posted_wake.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace graphkiln::coordinator {
namespace {

struct CountingSink final : StreamSink {
  void Wake() override {
    ++wakes;
    thread = std::this_thread::get_id();
  }
  void ResumeReading() override {}
  std::atomic<int> wakes{0};
  std::thread::id thread;  // read after Stop
};

TEST(PostedWakeTest, TheCallerDoesNotDoTheWorkAndWaitingWakesAreJoined) {
  auto sink = std::make_shared<CountingSink>();
  Executor wakes(1, 0);
  const std::function<void()> wake = PostedWake(wakes, sink);
  std::promise<void> go;
  std::promise<void> busy;
  wakes.Post([&] {
    busy.set_value();
    go.get_future().wait();
  });
  busy.get_future().wait();
  for (int i = 0; i < 1'000; ++i) wake();
  EXPECT_EQ(sink->wakes.load(), 0);
  EXPECT_EQ(wakes.waiting(), 1u);
  go.set_value();
  wakes.Stop();
  EXPECT_EQ(sink->wakes.load(), 1);
  EXPECT_NE(sink->thread, std::this_thread::get_id());
}

TEST(PostedWakeTest, AWakeDuringAWakeIsNotLost) {
  struct Sink final : StreamSink {
    void Wake() override {
      if (++wakes == 1) again();
    }
    void ResumeReading() override {}
    int wakes = 0;
    std::function<void()> again;
  };
  auto sink = std::make_shared<Sink>();
  Executor wakes(1, 0);
  sink->again = PostedWake(wakes, sink);
  sink->again();
  std::promise<void> done;  // behind the second wake
  wakes.Post([&] { wakes.Post([&] { done.set_value(); }); });
  done.get_future().wait();
  wakes.Stop();
  EXPECT_EQ(sink->wakes, 2);
  sink->again = {};
}

}  // namespace
}  // namespace graphkiln::coordinator
