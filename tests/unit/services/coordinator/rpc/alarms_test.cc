#include "services/coordinator/rpc/alarms.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/fake_clock.h"

namespace graphkiln::coordinator {
namespace {

// What rang, and a way to wait for it.
class Log {
 public:
  void Add(std::string what) {
    std::lock_guard lock(mu_);
    entries_.push_back(std::move(what));
    wake_.notify_all();
  }
  std::vector<std::string> Await(size_t count) {
    std::unique_lock lock(mu_);
    wake_.wait(lock, [&] { return entries_.size() >= count; });
    return entries_;
  }

 private:
  std::mutex mu_;
  std::condition_variable wake_;
  std::vector<std::string> entries_;
};

TEST(AlarmsTest, RingInOrderOfTheirTime) {
  FakeClock clock;
  Log log;
  Alarms alarms(clock);
  alarms.In(absl::Seconds(3), [&] { log.Add("three"); });
  alarms.In(absl::Seconds(1), [&] { log.Add("one"); });
  const uint64_t two = alarms.In(absl::Seconds(2), [&] { log.Add("two"); });
  alarms.Cancel(two);
  alarms.Cancel(0);
  alarms.Cancel(12345);
  clock.Advance(absl::Seconds(1));
  alarms.Poke();
  EXPECT_EQ(log.Await(1), (std::vector<std::string>{"one"}));
  clock.Advance(absl::Seconds(5));
  alarms.Poke();
  EXPECT_EQ(log.Await(2), (std::vector<std::string>{"one", "three"}));
}

TEST(AlarmsTest, ACallbackMaySetTheNext) {
  Log log;
  Alarms alarms(SystemClock());
  alarms.In(absl::ZeroDuration(), [&] {
    log.Add("first");
    alarms.In(absl::Milliseconds(1), [&] { log.Add("second"); });
  });
  EXPECT_EQ(log.Await(2).back(), "second");
}

TEST(AlarmsTest, StopDropsWhatWaits) {
  FakeClock clock;
  Log log;
  Alarms alarms(clock);
  alarms.In(absl::Seconds(1), [&] { log.Add("never"); });
  alarms.Stop();
  clock.Advance(absl::Hours(1));
  alarms.Poke();
  EXPECT_TRUE(log.Await(0).empty());
}

}  // namespace
}  // namespace graphkiln::coordinator
