// Reads at start all that JobQueue::Restore needs. Blocking; called once, by SqliteStore::Load.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "common/base/random.h"
#include "services/coordinator/core/journal.h"
#include "services/coordinator/store/sqlite_db.h"

namespace graphkiln::coordinator {

/// Who this store is: makes the token key and log generation of a new one, raises the generation.
/// `db` must be writable.
absl::Status LoadIdentity(SqliteDb& db, RandomSource& random, LoadedState& state);

/// Jobs, open leases, the last `events_per_job` events of jobs that have run, programs, request
/// ids, workers.
absl::Status LoadContents(SqliteDb& db, int64_t events_per_job, LoadedState& state);

}  // namespace graphkiln::coordinator
