#include "services/coordinator/store/migrations.h"

#include <fmt/format.h>

#include <array>

#include "common/base/status.h"

namespace graphkiln::coordinator {
namespace {

// Step 1. `jobs.id` is the order of acceptance. Times are microseconds since 1970. `labels` are
// JSON. leases.state: 1 offered, 2 active, 3 closed; the partial unique index is invariant I1.
constexpr const char* kStep1 = R"sql(
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  project TEXT NOT NULL,
  name TEXT NOT NULL UNIQUE,
  owner TEXT NOT NULL,
  labels TEXT NOT NULL,
  state INTEGER NOT NULL,
  lease_epoch INTEGER NOT NULL,
  infra_failures INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  program TEXT NOT NULL,
  queue_time INTEGER NOT NULL,
  finish_epoch INTEGER NOT NULL,
  finish_digest TEXT NOT NULL,
  finish_answer INTEGER NOT NULL,
  job BLOB NOT NULL);

CREATE TABLE job_specs (job_id INTEGER PRIMARY KEY, spec BLOB NOT NULL);

CREATE TABLE leases (
  job_id INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  project TEXT NOT NULL,
  owner TEXT NOT NULL,
  worker TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  state INTEGER NOT NULL,
  last_worker_seq INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  offer_time INTEGER NOT NULL,
  end_time INTEGER NOT NULL,
  PRIMARY KEY (job_id, epoch)) WITHOUT ROWID;
CREATE UNIQUE INDEX leases_one_open ON leases (job_id) WHERE state IN (1, 2);

CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  job_id INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  types INTEGER NOT NULL,
  data BLOB NOT NULL);
CREATE UNIQUE INDEX events_of_job ON events (job_id, last_seq);

CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  job_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (job_id, name));

CREATE TABLE metric_chunks (
  id INTEGER PRIMARY KEY,
  series_id INTEGER NOT NULL,
  count INTEGER NOT NULL,
  data BLOB NOT NULL);
CREATE INDEX metric_chunks_of_series ON metric_chunks (series_id, id);

CREATE TABLE programs (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE graph_contents (graph_hash TEXT PRIMARY KEY, bytes BLOB NOT NULL);

CREATE TABLE request_ids (
  scope TEXT NOT NULL,
  request_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  name TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (scope, request_id)) WITHOUT ROWID;
CREATE INDEX request_ids_by_time ON request_ids (time);

CREATE TABLE workers (
  name TEXT PRIMARY KEY,
  cordoned INTEGER NOT NULL,
  drained INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE graphs (
  name TEXT PRIMARY KEY,
  uid TEXT NOT NULL,
  project TEXT NOT NULL,
  owner TEXT NOT NULL,
  labels TEXT NOT NULL,
  etag TEXT NOT NULL,
  graph_hash TEXT NOT NULL,
  header BLOB NOT NULL,
  content BLOB NOT NULL);
CREATE INDEX graphs_of_project ON graphs (project, name);
CREATE INDEX graphs_by_hash ON graphs (project, graph_hash, name);

CREATE TABLE datasets (
  name TEXT PRIMARY KEY,
  uid TEXT NOT NULL,
  project TEXT NOT NULL,
  owner TEXT NOT NULL,
  labels TEXT NOT NULL,
  artifact TEXT NOT NULL,
  dataset BLOB NOT NULL);
CREATE INDEX datasets_of_project ON datasets (project, name);
CREATE INDEX datasets_by_artifact ON datasets (artifact);
)sql";

// Step 2. Which process of a worker name holds the lease: invariant I7 across restarts.
constexpr const char* kStep2 =
    "ALTER TABLE leases ADD COLUMN registration TEXT NOT NULL DEFAULT '';";

constexpr std::array<const char*, 2> kSteps = {kStep1, kStep2};

}  // namespace

int NewestSchemaVersion() { return static_cast<int>(kSteps.size()); }

absl::Status Migrate(SqliteDb& db) {
  ASSIGN_OR_RETURN(SqliteStatement * version_query, db.Prepare("PRAGMA user_version"));
  ASSIGN_OR_RETURN(const bool row, version_query->Step());
  const int64_t version = row ? version_query->Int(0) : 0;
  version_query->Reset();
  if (version > NewestSchemaVersion()) {
    return absl::FailedPreconditionError(
        fmt::format("the database has version {}, this program knows {}: use a newer program",
                    version, NewestSchemaVersion()));
  }
  for (int64_t step = version; step < NewestSchemaVersion(); ++step) {
    SqliteTransaction transaction(&db);
    RETURN_IF_ERROR(transaction.Begin());
    RETURN_IF_ERROR(db.Exec(kSteps[static_cast<size_t>(step)]));
    RETURN_IF_ERROR(db.Exec(fmt::format("PRAGMA user_version = {}", step + 1).c_str()));
    RETURN_IF_ERROR(transaction.Commit());
  }
  return absl::OkStatus();
}

}  // namespace graphkiln::coordinator
