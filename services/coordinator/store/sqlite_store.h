// The store on SQLite: WAL, synchronous=FULL, one writer thread with group commit, readers on their
// own connections. Nothing to install or start; one coordinator per directory (a lock file sees to
// it).
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/random.h"
#include "services/coordinator/store/store.h"

namespace graphkiln::coordinator {

struct SqliteOptions {
  std::string directory;     // made if missing; holds coordinator.db and its lock
  size_t max_group = 4'096;  // mutations in one transaction
  int readers = 4;           // read connections
  absl::Duration first_retry = absl::Milliseconds(100);  // after refused writes; doubles
  absl::Duration last_retry = absl::Seconds(2);
  RandomSource* random = nullptr;  // for the token key of a new database; null: the system's
};

/// Opens or creates. Errors: FAILED_PRECONDITION when another coordinator has the directory or the
/// database is of a newer version; STORAGE_UNAVAILABLE when it cannot be written. The destructor
/// closes.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(SqliteOptions options);

}  // namespace graphkiln::coordinator
