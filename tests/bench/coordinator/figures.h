// The figures of the coordinator, each measured in this process on a Server with its real store.
// bench.cc calls them one after the other and prints the lines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/coordinator/server.h"

namespace graphkiln::coordinator::bench {

/// Writes of 4 KiB made durable one after the other in `folder`, per second.
absl::StatusOr<double> RawSyncsPerSecond(const std::string& folder);

/// Submits `count` jobs, `clients` of them at any time waiting for their durable answer; per
/// second.
absl::StatusOr<double> SubmitsPerSecond(Server& server, int count, int clients);

/// Points that one worker's batches of steps bring per second, the last of them durable.
absl::StatusOr<double> PointsPerSecond(Server& server, int64_t points);

/// `rounds` times: from the call that submits a job until its order can be read by an idle worker,
/// with both commits in between. Seconds, in rising order.
absl::StatusOr<std::vector<double>> DispatchSeconds(Server& server, int rounds);

/// Resident memory of this process.
int64_t ResidentBytes();

}  // namespace graphkiln::coordinator::bench
