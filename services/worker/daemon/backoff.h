// Growing, jittered pauses between attempts. Header-only; thread-compatible.
#pragma once

#include <algorithm>

#include "absl/time/time.h"
#include "common/base/random.h"

namespace graphkiln::worker {

/// `base` varied by +-20 %, so that a thousand workers do not speak at the same moment.
inline absl::Duration Jittered(absl::Duration base, RandomSource& random) {
  const double unit = static_cast<double>(random.NextU64() >> 11) * 0x1p-53;
  return base * (0.8 + 0.4 * unit);
}

class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration most, RandomSource& random)
      : first_(first), most_(most), random_(random), next_(first) {}

  absl::Duration Next() {
    const absl::Duration pause = next_;
    next_ = std::min(2 * next_, most_);
    return std::min(Jittered(pause, random_), most_);
  }
  void Reset() { next_ = first_; }

 private:
  const absl::Duration first_;
  const absl::Duration most_;
  RandomSource& random_;
  absl::Duration next_;
};

}  // namespace graphkiln::worker
