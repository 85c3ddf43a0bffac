// Why a job waits, as a stable word, then a colon and text.
#pragma once

#include <string>
#include <vector>

#include "services/coordinator/core/job_record.h"
#include "services/coordinator/core/worker_record.h"

namespace graphkiln::coordinator {

/// Words: NO_WORKERS (none has reported), NO_MATCHING_WORKER (none meets the needs, with the
/// nearest miss), WORKERS_UNAVAILABLE (those that match are silent, cordoned or draining),
/// NO_FREE_SLOT (all that match are busy), HELD_BACK (refused a moment ago), BACKOFF (waits after a
/// failure). Empty when the job does not wait.
std::string PendingReasonOf(const JobRecord& job, const std::vector<const WorkerRecord*>& workers);

}  // namespace graphkiln::coordinator
