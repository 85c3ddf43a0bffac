// Policy: which waiting job is next. Priority first, then first come first served; waiting raises
// the priority by one point per `age_per_point`, so nothing starves.
//
// Because all jobs age alike, the order of two jobs never changes: it is a number that is fixed
// when the job enters the queue, and the queue needs no re-sorting.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace graphkiln::coordinator {

/// Smaller is sooner. `queued_at` is the moment from which the job waits.
inline double JobOrderKey(absl::Duration queued_at, int32_t priority,
                          absl::Duration age_per_point) {
  return absl::ToDoubleSeconds(queued_at) - priority * absl::ToDoubleSeconds(age_per_point);
}

}  // namespace graphkiln::coordinator
