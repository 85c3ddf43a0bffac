// Whole numbers out of doubles that may be anything: a plain cast of one beyond the range is
// undefined. Pure.
#pragma once

#include <cmath>
#include <cstdint>

namespace graphkiln {

// Cut towards zero; the nearest whole number of int64 where there is none, 0 for NaN.
inline int64_t SaturatedInt64(double v) {
  if (std::isnan(v)) return 0;
  if (v >= 0x1p63) return INT64_MAX;
  if (v < -0x1p63) return INT64_MIN;
  return static_cast<int64_t>(v);
}

}  // namespace graphkiln
