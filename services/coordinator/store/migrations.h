// The schema, as numbered steps from the first one on. A released step never changes; a new need is
// a new step at the end. `PRAGMA user_version` counts the steps that a database has had.
#pragma once

#include "absl/status/status.h"
#include "services/coordinator/store/sqlite_db.h"

namespace graphkiln::coordinator {

/// Brings the database to the newest version, each step in a transaction of its own. Error:
/// FAILED_PRECONDITION when it is newer than this program.
absl::Status Migrate(SqliteDb& db);
int NewestSchemaVersion();

}  // namespace graphkiln::coordinator
