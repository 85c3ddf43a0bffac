// How many rows a fraction of them is: one rule for the trainer, which divides the data, and for
// who checks a job before. Header-only; any thread.
#pragma once

#include <cmath>
#include <cstdint>

namespace graphkiln {

/// Rounded to the nearest, halves up. REQUIRES: 0 <= fraction <= 1.
inline int64_t RowsOfShare(double fraction, int64_t rows) {
  return static_cast<int64_t>(std::floor(fraction * static_cast<double>(rows) + 0.5));
}

}  // namespace graphkiln
