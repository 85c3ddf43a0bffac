// Time as an interface. Nothing outside common/base reads a clock (the lint step checks it): code
// that needs time takes a Clock&, so tests and the simulator decide what time it is.
#pragma once

#include "absl/time/time.h"

namespace graphkiln {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time: for display and for records, never for deciding what expired.
  virtual absl::Time Now() = 0;
  /// Time since an arbitrary start; never goes back. For durations, deadlines and expiry.
  virtual absl::Duration Monotonic() = 0;
};

/// The machine's clocks. Thread-safe.
Clock& SystemClock();

}  // namespace graphkiln
