// Policy: which worker gets a job. Only workers with a free slot that meet the job's needs; among
// them the one that ran the job last (its caches are warm), else the one with most free slots, else
// by name.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "services/coordinator/core/job_record.h"
#include "services/coordinator/core/worker_record.h"

namespace graphkiln::coordinator {

/// Why a worker can never run a job with these needs; empty when it can (slots apart).
std::string MismatchOf(const JobNeeds& needs, const v1::Inventory& inventory);

/// Null when no worker fits now. `left_out`, where set, tells workers that are not to be asked.
WorkerRecord* ChooseWorker(const JobNeeds& needs, std::string_view last_worker,
                           const std::vector<WorkerRecord*>& workers,
                           const std::function<bool(const WorkerRecord&)>& left_out = {});

}  // namespace graphkiln::coordinator
