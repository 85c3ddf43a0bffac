#include "common/base/clock.h"

#include <time.h>

#include "absl/time/clock.h"

namespace graphkiln {
namespace {

class SystemClockImpl final : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }
  absl::Duration Monotonic() override {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return absl::DurationFromTimespec(now);
  }
};

}  // namespace

Clock& SystemClock() {
  static SystemClockImpl* const clock = new SystemClockImpl;
  return *clock;
}

}  // namespace graphkiln
