#include "services/coordinator/store/sqlite_load.h"

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "common/base/status.h"
#include "services/coordinator/core/job_record.h"
#include "services/coordinator/store/packing.h"

namespace graphkiln::coordinator {
namespace {

constexpr size_t kTokenKeyBytes = 32;

std::string RandomBytes(RandomSource& random, size_t count) {
  std::string bytes;
  while (bytes.size() < count) {
    const uint64_t word = random.NextU64();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  bytes.resize(count);
  return bytes;
}

absl::Time FromMicros(int64_t micros) { return absl::FromUnixMicros(micros); }

absl::StatusOr<std::optional<std::string>> ReadMeta(SqliteDb& db, std::string_view key) {
  ASSIGN_OR_RETURN(SqliteStatement * select, db.Prepare("SELECT value FROM meta WHERE key = ?1"));
  const auto reset = absl::MakeCleanup([select] { select->Reset(); });
  ASSIGN_OR_RETURN(const bool found, select->BindText(1, key).Step());
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(select->Blob(0));
}

absl::Status WriteMeta(SqliteDb& db, std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(SqliteStatement * insert,
                   db.Prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)"));
  return insert->BindText(1, key).BindBlob(2, value).Run().status();
}

absl::Status LoadJobs(SqliteDb& db, LoadedState& state) {
  ASSIGN_OR_RETURN(
      SqliteStatement * select,
      db.Prepare("SELECT jobs.id, infra_failures, last_seq, program, queue_time, finish_epoch, "
                 "finish_digest, finish_answer, job, spec FROM jobs "
                 "JOIN job_specs ON job_specs.job_id = jobs.id ORDER BY jobs.id"));
  const auto reset = absl::MakeCleanup([select] { select->Reset(); });
  while (true) {
    ASSIGN_OR_RETURN(const bool row, select->Step());
    if (!row) return absl::OkStatus();
    LoadedJob loaded;
    loaded.internals.create_index = select->Int(0);
    loaded.internals.infra_failures = static_cast<int32_t>(select->Int(1));
    loaded.internals.last_seq = select->Int(2);
    loaded.internals.program = std::string(select->Text(3));
    loaded.internals.queue_time = FromMicros(select->Int(4));
    loaded.internals.finish_epoch = select->Int(5);
    loaded.internals.finish_digest = std::string(select->Text(6));
    loaded.internals.finish_answer = static_cast<v1::JobState>(select->Int(7));
    auto job = std::make_shared<v1::Job>();
    const std::string_view bytes = select->Blob(8);
    if (!job->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return absl::DataLossError(fmt::format("job {} is damaged", loaded.internals.create_index));
    }
    loaded.job = std::move(job);
    loaded.spec = std::make_shared<const std::string>(select->Blob(9));
    state.jobs.push_back(std::move(loaded));
  }
}

absl::Status LoadLeases(SqliteDb& db, LoadedState& state) {
  ASSIGN_OR_RETURN(
      SqliteStatement * select,
      db.Prepare(
          "SELECT uid, epoch, worker, incarnation, leases.state, last_worker_seq, registration "
          "FROM leases JOIN jobs ON jobs.id = leases.job_id WHERE leases.state IN (1, 2)"));
  const auto reset = absl::MakeCleanup([select] { select->Reset(); });
  while (true) {
    ASSIGN_OR_RETURN(const bool row, select->Step());
    if (!row) return absl::OkStatus();
    LoadedLease lease;
    lease.job_uid = std::string(select->Text(0));
    lease.epoch = select->Int(1);
    lease.worker = std::string(select->Text(2));
    lease.incarnation = std::string(select->Text(3));
    lease.state = static_cast<StoredLeaseState>(select->Int(4));
    lease.last_worker_seq = static_cast<uint64_t>(select->Int(5));
    lease.registration = std::string(select->Text(6));
    state.open_leases.push_back(std::move(lease));
  }
}

absl::Status LoadTails(SqliteDb& db, int64_t events_per_job, LoadedState& state) {
  for (const LoadedJob& loaded : state.jobs) {
    // Jobs that have never run have a few events only, which readers get from the store.
    if (JobRecord::IsTerminal(loaded.job->state()) || loaded.job->lease_epoch() == 0) continue;
    ASSIGN_OR_RETURN(
        SqliteStatement * select,
        db.Prepare("SELECT data FROM events WHERE job_id = ?1 ORDER BY last_seq DESC"));
    const auto reset = absl::MakeCleanup([select] { select->Reset(); });
    select->Bind(1, loaded.internals.create_index);
    std::vector<std::vector<std::shared_ptr<const v1::Event>>> batches;
    int64_t count = 0;
    while (count < events_per_job) {
      ASSIGN_OR_RETURN(const bool row, select->Step());
      if (!row) break;
      std::vector<std::shared_ptr<const v1::Event>> batch;
      RETURN_IF_ERROR(UnpackEvents(select->Blob(0), 0, 0, batch));
      count += static_cast<int64_t>(batch.size());
      batches.push_back(std::move(batch));
    }
    LoadedEvents events;
    events.job_uid = loaded.job->uid();
    for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch) {
      events.tail.insert(events.tail.end(), batch->begin(), batch->end());
    }
    if (!events.tail.empty()) state.events.push_back(std::move(events));
  }
  return absl::OkStatus();
}

absl::Status LoadRest(SqliteDb& db, LoadedState& state) {
  ASSIGN_OR_RETURN(SqliteStatement * programs, db.Prepare("SELECT sha256, bytes FROM programs"));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, programs->Step());
    if (!row) break;
    state.programs.push_back(
        {std::string(programs->Text(0)), std::make_shared<const std::string>(programs->Blob(1))});
  }
  programs->Reset();
  ASSIGN_OR_RETURN(SqliteStatement * ids,
                   db.Prepare("SELECT scope, request_id, digest, name, time FROM request_ids"));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, ids->Step());
    if (!row) break;
    state.request_ids.push_back({std::string(ids->Text(0)), std::string(ids->Text(1)),
                                 std::string(ids->Text(2)), std::string(ids->Text(3)),
                                 FromMicros(ids->Int(4))});
  }
  ids->Reset();
  ASSIGN_OR_RETURN(SqliteStatement * workers,
                   db.Prepare("SELECT name, cordoned, drained FROM workers"));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, workers->Step());
    if (!row) break;
    state.workers.push_back(
        {std::string(workers->Text(0)), workers->Int(1) != 0, workers->Int(2) != 0});
  }
  workers->Reset();
  return absl::OkStatus();
}

}  // namespace

absl::Status LoadIdentity(SqliteDb& db, RandomSource& random, LoadedState& state) {
  SqliteTransaction transaction(&db);
  RETURN_IF_ERROR(transaction.Begin());
  ASSIGN_OR_RETURN(std::optional<std::string> key, ReadMeta(db, "token_key"));
  if (!key.has_value()) {
    key = RandomBytes(random, kTokenKeyBytes);
    RETURN_IF_ERROR(WriteMeta(db, "token_key", *key));
    RETURN_IF_ERROR(WriteMeta(db, "log_generation", RandomBytes(random, sizeof(uint64_t))));
  }
  state.token_key = *key;
  ASSIGN_OR_RETURN(const std::optional<std::string> log, ReadMeta(db, "log_generation"));
  if (!log.has_value() || log->size() != sizeof(uint64_t)) {
    return absl::DataLossError("the database's log generation is damaged");
  }
  std::memcpy(&state.log_generation, log->data(), sizeof(uint64_t));
  ASSIGN_OR_RETURN(const std::optional<std::string> generation, ReadMeta(db, "generation"));
  if (generation.has_value() && generation->size() == sizeof(uint64_t)) {
    std::memcpy(&state.generation, generation->data(), sizeof(uint64_t));
  }
  ++state.generation;
  RETURN_IF_ERROR(WriteMeta(
      db, "generation",
      std::string_view(reinterpret_cast<const char*>(&state.generation), sizeof(uint64_t))));
  return transaction.Commit();
}

absl::Status LoadContents(SqliteDb& db, int64_t events_per_job, LoadedState& state) {
  RETURN_IF_ERROR(LoadJobs(db, state));
  RETURN_IF_ERROR(LoadLeases(db, state));
  RETURN_IF_ERROR(LoadTails(db, events_per_job, state));
  return LoadRest(db, state);
}

}  // namespace graphkiln::coordinator
