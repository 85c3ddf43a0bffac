#include "services/coordinator/store/mutation_writer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/status.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/job_record.h"
#include "services/coordinator/core/names.h"
#include "services/coordinator/store/packing.h"

namespace graphkiln::coordinator {
namespace {

// A chunk grows by merging until it holds so many points.
constexpr int64_t kChunkPoints = 4'096;
constexpr int64_t kMergeAfter = 32;

int64_t Micros(absl::Time time) { return absl::ToUnixMicros(time); }

template <class Map>
std::string LabelsJson(const Map& labels) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [key, value] : labels) json[key] = value;
  // Labels are the user's own bytes: what is not UTF-8 must not throw.
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string ProjectOf(std::string_view kind, const std::string& name) {
  const absl::StatusOr<ResourceName> parsed = ParseResourceName(kind, name);
  return parsed.ok() ? parsed->project : std::string(kDefaultProject);
}

absl::Status Refused(std::string_view what) {
  return absl::AbortedError(fmt::format("{} is no longer current", what));
}

absl::Status AlreadyThere(std::string_view kind, std::string_view name) {
  return MakeError(absl::StatusCode::kAlreadyExists, v1::ERROR_REASON_ALREADY_EXISTS,
                   fmt::format("there is a {} {} already", kind, name));
}

}  // namespace

absl::Status MutationWriter::Apply(const Mutation& mutation) {
  return std::visit([this](const auto& put) { return Put(put); }, mutation);
}

absl::Status MutationWriter::Put(const PutJobSpec& put) {
  ASSIGN_OR_RETURN(SqliteStatement * insert, db_.Prepare("INSERT INTO job_specs (job_id, spec) "
                                                         "SELECT id, ?2 FROM jobs WHERE uid = ?1"));
  ASSIGN_OR_RETURN(const int64_t rows, insert->BindText(1, put.uid).BindBlob(2, *put.spec).Run());
  return rows == 1 ? absl::OkStatus() : Refused("the job of a spec");
}

absl::Status MutationWriter::Put(const PutJob& put) {
  ASSIGN_OR_RETURN(
      SqliteStatement * upsert,
      db_.Prepare("INSERT INTO jobs (id, uid, project, name, owner, labels, state, lease_epoch, "
                  "infra_failures, last_seq, program, queue_time, finish_epoch, finish_digest, "
                  "finish_answer, job) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
                  "?13, ?14, ?15, ?16) "
                  "ON CONFLICT (uid) DO UPDATE SET state = excluded.state, "
                  "lease_epoch = excluded.lease_epoch, infra_failures = excluded.infra_failures, "
                  "last_seq = excluded.last_seq, program = excluded.program, "
                  "queue_time = excluded.queue_time, finish_epoch = excluded.finish_epoch, "
                  "finish_digest = excluded.finish_digest, finish_answer = excluded.finish_answer, "
                  "job = excluded.job "
                  // I2: an epoch never goes back. I4: terminal states absorb.
                  "WHERE excluded.lease_epoch >= jobs.lease_epoch "
                  "AND (jobs.state NOT IN (?17, ?18, ?19) OR excluded.state = jobs.state)"));
  const v1::Job& job = *put.job;
  const std::string project = ProjectOf("jobs", job.name());
  const std::string labels = LabelsJson(job.labels());
  const std::string bytes = job.SerializeAsString();
  upsert->Bind(1, put.internals.create_index)
      .BindText(2, job.uid())
      .BindText(3, project)
      .BindText(4, job.name())
      .BindText(5, job.owner())
      .BindText(6, labels)
      .Bind(7, job.state())
      .Bind(8, job.lease_epoch())
      .Bind(9, put.internals.infra_failures)
      .Bind(10, put.internals.last_seq)
      .BindText(11, put.internals.program)
      .Bind(12, Micros(put.internals.queue_time))
      .Bind(13, put.internals.finish_epoch)
      .BindText(14, put.internals.finish_digest)
      .Bind(15, put.internals.finish_answer)
      .BindBlob(16, bytes)
      .Bind(17, v1::JOB_STATE_SUCCEEDED)
      .Bind(18, v1::JOB_STATE_FAILED)
      .Bind(19, v1::JOB_STATE_CANCELLED);
  ASSIGN_OR_RETURN(const int64_t rows, upsert->Run());
  if (JobRecord::IsTerminal(job.state())) series_.erase(job.uid());
  return rows == 1 ? absl::OkStatus() : Refused("a job");
}

absl::Status MutationWriter::Put(const PutLease& put) {
  if (put.state == StoredLeaseState::kOffered) {
    ASSIGN_OR_RETURN(
        SqliteStatement * insert,
        db_.Prepare(
            "INSERT INTO leases (job_id, epoch, project, owner, worker, incarnation, state, "
            "last_worker_seq, outcome, offer_time, end_time, registration) "
            "SELECT id, ?2, project, owner, ?3, ?4, 1, 0, '', ?5, 0, ?6 FROM jobs "
            "WHERE uid = ?1 AND NOT EXISTS "
            "(SELECT 1 FROM leases WHERE job_id = jobs.id AND epoch >= ?2)"));
    ASSIGN_OR_RETURN(const int64_t rows, insert->BindText(1, put.job_uid)
                                             .Bind(2, put.epoch)
                                             .BindText(3, put.worker)
                                             .BindText(4, put.incarnation)
                                             .Bind(5, Micros(put.time))
                                             .BindText(6, put.registration)
                                             .Run());
    return rows == 1 ? absl::OkStatus() : Refused("the epoch of a lease");
  }
  const bool active = put.state == StoredLeaseState::kActive;
  ASSIGN_OR_RETURN(SqliteStatement * update,
                   db_.Prepare("UPDATE leases SET state = ?3, outcome = ?4, end_time = ?5 "
                               "WHERE job_id = (SELECT id FROM jobs WHERE uid = ?1) AND epoch = ?2 "
                               "AND state IN (1, 2)"));
  ASSIGN_OR_RETURN(const int64_t rows, update->BindText(1, put.job_uid)
                                           .Bind(2, put.epoch)
                                           .Bind(3, static_cast<int64_t>(put.state))
                                           .BindText(4, put.outcome)
                                           .Bind(5, active ? 0 : Micros(put.time))
                                           .Run());
  return rows == 1 ? absl::OkStatus() : Refused("a lease");
}

absl::Status MutationWriter::Put(const AppendEvents& append) {
  if (append.events.empty()) return absl::OkStatus();
  if (append.fence_epoch != 0) {
    ASSIGN_OR_RETURN(
        SqliteStatement * fence,
        db_.Prepare("UPDATE leases SET last_worker_seq = ?3 "
                    "WHERE job_id = (SELECT id FROM jobs WHERE uid = ?1) AND epoch = ?2 "
                    "AND state IN (1, 2)"));
    ASSIGN_OR_RETURN(const int64_t rows, fence->BindText(1, append.job_uid)
                                             .Bind(2, append.fence_epoch)
                                             .Bind(3, static_cast<int64_t>(append.last_worker_seq))
                                             .Run());
    if (rows != 1) return Refused("the lease of events");
  }
  ASSIGN_OR_RETURN(SqliteStatement * insert,
                   db_.Prepare("INSERT INTO events (job_id, first_seq, last_seq, types, data) "
                               "SELECT id, ?2, ?3, ?4, ?5 FROM jobs WHERE uid = ?1"));
  const std::string data = PackEvents(append.events);
  ASSIGN_OR_RETURN(const int64_t rows, insert->BindText(1, append.job_uid)
                                           .Bind(2, append.events.front()->seq())
                                           .Bind(3, append.events.back()->seq())
                                           .Bind(4, TypesOf(append.events))
                                           .BindBlob(5, data)
                                           .Run());
  return rows == 1 ? absl::OkStatus() : Refused("the job of events");
}

absl::StatusOr<MutationWriter::OpenSeries*> MutationWriter::FindSeries(const std::string& job_uid,
                                                                       const std::string& name) {
  OpenSeries& series = series_[job_uid][name];
  if (series.id != 0) return &series;
  ASSIGN_OR_RETURN(SqliteStatement * insert,
                   db_.Prepare("INSERT OR IGNORE INTO series (job_id, name) "
                               "SELECT id, ?2 FROM jobs WHERE uid = ?1"));
  RETURN_IF_ERROR(insert->BindText(1, job_uid).BindText(2, name).Run().status());
  ASSIGN_OR_RETURN(
      SqliteStatement * select,
      db_.Prepare("SELECT id FROM series WHERE job_id = (SELECT id FROM jobs WHERE uid = ?1) "
                  "AND name = ?2"));
  ASSIGN_OR_RETURN(const bool found, select->BindText(1, job_uid).BindText(2, name).Step());
  if (!found) return Refused("the job of a series");
  series.id = select->Int(0);
  select->Reset();
  return &series;
}

absl::Status MutationWriter::Put(const AppendMetrics& append) {
  for (const SeriesPoints& points : append.series) {
    ASSIGN_OR_RETURN(OpenSeries * series, FindSeries(append.job_uid, points.name));
    ASSIGN_OR_RETURN(
        SqliteStatement * insert,
        db_.Prepare("INSERT INTO metric_chunks (series_id, count, data) VALUES (?1, ?2, ?3)"));
    const std::string data = PackPoints(points.steps, points.values);
    const auto count = static_cast<int64_t>(points.steps.size());
    RETURN_IF_ERROR(insert->Bind(1, series->id).Bind(2, count).BindBlob(3, data).Run().status());
    if (series->first_chunk == 0) series->first_chunk = db_.last_insert_id();
    ++series->chunks;
    series->points += count;
    if (series->chunks >= kMergeAfter || series->points >= kChunkPoints) {
      RETURN_IF_ERROR(MergeChunks(*series));
    }
  }
  return absl::OkStatus();
}

absl::Status MutationWriter::MergeChunks(OpenSeries& series) {
  if (series.chunks > 1) {
    std::vector<int64_t> steps;
    std::vector<double> values;
    ASSIGN_OR_RETURN(SqliteStatement * select,
                     db_.Prepare("SELECT data FROM metric_chunks WHERE series_id = ?1 AND id >= ?2 "
                                 "ORDER BY id"));
    select->Bind(1, series.id).Bind(2, series.first_chunk);
    while (true) {
      ASSIGN_OR_RETURN(const bool row, select->Step());
      if (!row) break;
      RETURN_IF_ERROR(UnpackPoints(select->Blob(0), steps, values));
    }
    select->Reset();
    ASSIGN_OR_RETURN(SqliteStatement * remove,
                     db_.Prepare("DELETE FROM metric_chunks WHERE series_id = ?1 AND id > ?2"));
    RETURN_IF_ERROR(remove->Bind(1, series.id).Bind(2, series.first_chunk).Run().status());
    ASSIGN_OR_RETURN(SqliteStatement * update,
                     db_.Prepare("UPDATE metric_chunks SET count = ?2, data = ?3 WHERE id = ?1"));
    const std::string data = PackPoints(steps, values);
    RETURN_IF_ERROR(update->Bind(1, series.first_chunk)
                        .Bind(2, static_cast<int64_t>(steps.size()))
                        .BindBlob(3, data)
                        .Run()
                        .status());
  }
  series.chunks = 1;
  if (series.points >= kChunkPoints) {
    series.first_chunk = 0;
    series.chunks = 0;
    series.points = 0;
  }
  return absl::OkStatus();
}

absl::Status MutationWriter::Put(const PutProgram& put) {
  ASSIGN_OR_RETURN(SqliteStatement * insert,
                   db_.Prepare("INSERT OR IGNORE INTO programs (sha256, bytes) VALUES (?1, ?2)"));
  return insert->BindText(1, put.sha256).BindBlob(2, *put.bytes).Run().status();
}

absl::Status MutationWriter::Put(const DropProgram& drop) {
  ASSIGN_OR_RETURN(SqliteStatement * remove, db_.Prepare("DELETE FROM programs WHERE sha256 = ?1"));
  return remove->BindText(1, drop.sha256).Run().status();
}

absl::Status MutationWriter::Put(const PutGraphContent& put) {
  ASSIGN_OR_RETURN(
      SqliteStatement * insert,
      db_.Prepare("INSERT OR IGNORE INTO graph_contents (graph_hash, bytes) VALUES (?1, ?2)"));
  return insert->BindText(1, put.graph_hash).BindBlob(2, *put.bytes).Run().status();
}

absl::Status MutationWriter::Put(const PutIdempotency& put) {
  ASSIGN_OR_RETURN(
      SqliteStatement * insert,
      db_.Prepare("INSERT INTO request_ids (scope, request_id, digest, name, time) "
                  "VALUES (?1, ?2, ?3, ?4, ?5) "
                  "ON CONFLICT (scope, request_id) DO UPDATE SET digest = excluded.digest, "
                  "name = excluded.name, time = excluded.time WHERE request_ids.time < ?6"));
  ASSIGN_OR_RETURN(const int64_t rows, insert->BindText(1, put.scope)
                                           .BindText(2, put.request_id)
                                           .BindText(3, put.digest)
                                           .BindText(4, put.name)
                                           .Bind(5, Micros(put.time))
                                           .Bind(6, Micros(put.reusable_before))
                                           .Run());
  if (rows == 1) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      SqliteStatement * select,
      db_.Prepare("SELECT name FROM request_ids WHERE scope = ?1 AND request_id = ?2"));
  ASSIGN_OR_RETURN(const bool found,
                   select->BindText(1, put.scope).BindText(2, put.request_id).Step());
  const std::string name(found ? select->Text(0) : std::string_view());
  select->Reset();
  return MakeError(absl::StatusCode::kAlreadyExists, v1::ERROR_REASON_ALREADY_EXISTS,
                   "the request_id was used before",
                   {{"request_id", put.request_id}, {"name", name}});
}

absl::Status MutationWriter::Put(const PurgeIdempotency& purge) {
  ASSIGN_OR_RETURN(SqliteStatement * remove,
                   db_.Prepare("DELETE FROM request_ids WHERE time < ?1"));
  RETURN_IF_ERROR(remove->Bind(1, Micros(purge.before)).Run().status());
  if (purge.most <= 0) return absl::OkStatus();
  // The oldest that is still within the bound; all before it goes.
  ASSIGN_OR_RETURN(SqliteStatement * beyond,
                   db_.Prepare("DELETE FROM request_ids WHERE time < "
                               "(SELECT time FROM request_ids ORDER BY time DESC "
                               "LIMIT 1 OFFSET ?1 - 1)"));
  return beyond->Bind(1, purge.most).Run().status();
}

absl::Status MutationWriter::Put(const PutWorker& put) {
  ASSIGN_OR_RETURN(
      SqliteStatement * upsert,
      db_.Prepare("INSERT OR REPLACE INTO workers (name, cordoned, drained) VALUES (?1, ?2, ?3)"));
  return upsert->BindText(1, put.name)
      .Bind(2, put.cordoned ? 1 : 0)
      .Bind(3, put.drained ? 1 : 0)
      .Run()
      .status();
}

absl::Status MutationWriter::CheckGraph(const std::string& name, bool must_exist,
                                        const std::string& etag) {
  ASSIGN_OR_RETURN(SqliteStatement * select,
                   db_.Prepare("SELECT etag FROM graphs WHERE name = ?1"));
  ASSIGN_OR_RETURN(const bool found, select->BindText(1, name).Step());
  const std::string stored(found ? select->Text(0) : std::string_view());
  select->Reset();
  if (!must_exist) return found ? AlreadyThere("graph", name) : absl::OkStatus();
  if (!found) return NotFoundError("graph", name);
  if (!etag.empty() && etag != stored) {
    return MakeError(absl::StatusCode::kAborted, v1::ERROR_REASON_ETAG_MISMATCH,
                     fmt::format("graph {} has changed since it was read", name),
                     {{"etag", stored}});
  }
  return absl::OkStatus();
}

absl::Status MutationWriter::Put(const PutGraph& put) {
  const v1::SavedGraph& graph = put.graph;
  RETURN_IF_ERROR(CheckGraph(graph.name(), put.when == PutGraph::When::kPresent, put.etag));
  v1::SavedGraph header = graph;
  header.clear_graph();
  ASSIGN_OR_RETURN(
      SqliteStatement * upsert,
      db_.Prepare("INSERT OR REPLACE INTO graphs (name, uid, project, owner, labels, etag, "
                  "graph_hash, header, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
  const std::string project = ProjectOf("graphs", graph.name());
  const std::string labels = LabelsJson(graph.labels());
  const std::string header_bytes = header.SerializeAsString();
  const std::string content = graph.graph().SerializeAsString();
  return upsert->BindText(1, graph.name())
      .BindText(2, graph.uid())
      .BindText(3, project)
      .BindText(4, graph.owner())
      .BindText(5, labels)
      .BindText(6, graph.etag())
      .BindText(7, graph.graph_hash())
      .BindBlob(8, header_bytes)
      .BindBlob(9, content)
      .Run()
      .status();
}

absl::Status MutationWriter::Put(const DeleteGraph& remove) {
  RETURN_IF_ERROR(CheckGraph(remove.name, /*must_exist=*/true, remove.etag));
  ASSIGN_OR_RETURN(SqliteStatement * statement, db_.Prepare("DELETE FROM graphs WHERE name = ?1"));
  return statement->BindText(1, remove.name).Run().status();
}

absl::Status MutationWriter::Put(const PutDataset& put) {
  ASSIGN_OR_RETURN(
      SqliteStatement * insert,
      db_.Prepare("INSERT OR IGNORE INTO datasets (name, uid, project, owner, labels, artifact, "
                  "dataset) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  const v1::Dataset& dataset = put.dataset;
  const std::string project = ProjectOf("datasets", dataset.name());
  const std::string labels = LabelsJson(dataset.labels());
  const std::string bytes = dataset.SerializeAsString();
  ASSIGN_OR_RETURN(const int64_t rows, insert->BindText(1, dataset.name())
                                           .BindText(2, dataset.uid())
                                           .BindText(3, project)
                                           .BindText(4, dataset.owner())
                                           .BindText(5, labels)
                                           .BindText(6, dataset.artifact())
                                           .BindBlob(7, bytes)
                                           .Run());
  return rows == 1 ? absl::OkStatus() : AlreadyThere("dataset", dataset.name());
}

absl::Status MutationWriter::Put(const DeleteDataset& remove) {
  ASSIGN_OR_RETURN(SqliteStatement * statement,
                   db_.Prepare("DELETE FROM datasets WHERE name = ?1"));
  ASSIGN_OR_RETURN(const int64_t rows, statement->BindText(1, remove.name).Run());
  return rows == 1 ? absl::OkStatus() : NotFoundError("dataset", remove.name);
}

}  // namespace graphkiln::coordinator
