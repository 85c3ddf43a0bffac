#include "services/coordinator/core/pending_reason.h"

#include <fmt/format.h>

#include "services/coordinator/core/worker_choice.h"

namespace graphkiln::coordinator {

std::string PendingReasonOf(const JobRecord& job, const std::vector<const WorkerRecord*>& workers) {
  if (job.state() == v1::JOB_STATE_BACKOFF) {
    return fmt::format("BACKOFF: waits after failure {}", job.internals.infra_failures);
  }
  if (job.state() != v1::JOB_STATE_QUEUED) return "";
  if (!job.hold_reason.empty()) return fmt::format("HELD_BACK: {}", job.hold_reason);
  int reported = 0;
  int matching = 0;
  int available = 0;
  std::string miss;
  for (const WorkerRecord* worker : workers) {
    if (!worker->reported() || worker->state() == WorkerRecord::State::kLost ||
        worker->state() == WorkerRecord::State::kGone) {
      continue;
    }
    ++reported;
    std::string mismatch = MismatchOf(job.needs(), worker->inventory);
    if (!mismatch.empty()) {
      if (miss.empty()) miss = fmt::format("{} {}", worker->name(), mismatch);
      continue;
    }
    ++matching;
    if (worker->takes_offers()) ++available;
  }
  if (reported == 0) return "NO_WORKERS: no worker is connected";
  if (matching == 0) return fmt::format("NO_MATCHING_WORKER: {}", miss);
  if (available == 0) {
    return fmt::format("WORKERS_UNAVAILABLE: {} matching, all silent, cordoned or draining",
                       matching);
  }
  return fmt::format("NO_FREE_SLOT: {} matching worker(s), no free slot", available);
}

}  // namespace graphkiln::coordinator
