#include "services/coordinator/store/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/page_bytes.h"
#include "services/coordinator/store/group_writer.h"
#include "services/coordinator/store/migrations.h"
#include "services/coordinator/store/packing.h"
#include "services/coordinator/store/series_thinner.h"
#include "services/coordinator/store/sqlite_db.h"
#include "services/coordinator/store/sqlite_load.h"
#include "services/coordinator/store/sqlite_readers.h"

namespace graphkiln::coordinator {
namespace {

// Rolls over the WAL and stays durable at every commit.
constexpr const char* kPragmas =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -8192;";

/// One coordinator per directory: the lock goes with the process, however it ends.
class DirectoryLock {
 public:
  static absl::StatusOr<DirectoryLock> Take(const std::string& path) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return StorageError(fmt::format("{}: {}", path, std::strerror(errno)));
    DirectoryLock lock(fd);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      return absl::FailedPreconditionError(
          fmt::format("{} is in use by another coordinator", DirName(path)));
    }
    return lock;
  }
  DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock() {
    if (fd_ >= 0) close(fd_);
  }

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

class SqliteStore final : public Store {
 public:
  SqliteStore(DirectoryLock lock, std::unique_ptr<SqliteDb> writer, std::unique_ptr<SqliteDb> meta,
              std::unique_ptr<SqliteReaders> readers, const SqliteOptions& options)
      : lock_(std::move(lock)),
        random_(options.random != nullptr ? *options.random : SystemRandom()),
        meta_(std::move(meta)),
        readers_(std::move(readers)),
        writer_(std::move(writer), {options.max_group, options.first_retry, options.last_retry}) {}

  void Commit(CommitBatch batch) override { writer_.Add(std::move(batch)); }
  absl::Status Health() const override { return writer_.Health(); }
  void Close() override { writer_.Close(); }

  absl::StatusOr<LoadedState> Load(int64_t events_per_job) override;
  absl::StatusOr<EventPage> ReadEvents(const std::string& job_uid, int64_t after_seq,
                                       int64_t max_events) override {
    return ReadEventsOfTypes(job_uid, after_seq, 0, max_events);
  }
  absl::StatusOr<EventPage> ReadEventsOfTypes(const std::string& job_uid, int64_t after_seq,
                                              EventTypeSet types, int64_t max_events) override;
  absl::StatusOr<EventPage> ReadLastEventsOfTypes(const std::string& job_uid, EventTypeSet types,
                                                  int64_t count) override;
  absl::StatusOr<std::vector<v1::MetricSeries>> ReadSeries(const std::string& job_uid,
                                                           const std::vector<std::string>& names,
                                                           int64_t max_points) override;
  absl::StatusOr<std::string> ReadGraphContent(const std::string& graph_hash) override;
  absl::StatusOr<v1::SavedGraph> ReadGraph(const std::string& name) override;
  absl::StatusOr<NamedPage<v1::SavedGraph>> ListGraphs(const std::string& project,
                                                       const std::string& after,
                                                       int64_t most) override;
  absl::StatusOr<v1::SavedGraph> ReadGraphByHash(const std::string& project,
                                                 const std::string& graph_hash) override;
  absl::StatusOr<v1::Dataset> ReadDataset(const std::string& name) override;
  absl::StatusOr<NamedPage<v1::Dataset>> ListDatasets(const std::string& project,
                                                      const std::string& after,
                                                      int64_t most) override;
  absl::StatusOr<bool> DatasetUses(const std::string& artifact) override;
  absl::StatusOr<std::optional<IdempotentAnswer>> FindIdempotent(const std::string& scope,
                                                                 const std::string& request_id,
                                                                 absl::Time oldest) override;

 private:
  DirectoryLock lock_;  // released last
  RandomSource& random_;
  const std::unique_ptr<SqliteDb> meta_;  // writes of Load, before the writer has work
  const std::unique_ptr<SqliteReaders> readers_;
  GroupWriter writer_;
};

absl::StatusOr<LoadedState> SqliteStore::Load(int64_t events_per_job) {
  LoadedState state;
  RETURN_IF_ERROR(LoadIdentity(*meta_, random_, state));
  SqliteReaders::Lease db = readers_->Take();
  RETURN_IF_ERROR(LoadContents(*db, events_per_job, state));
  return state;
}

// --- History ---

absl::StatusOr<EventPage> SqliteStore::ReadEventsOfTypes(const std::string& job_uid,
                                                         int64_t after_seq, EventTypeSet types,
                                                         int64_t max_events) {
  SqliteReaders::Lease db = readers_->Take();
  ASSIGN_OR_RETURN(
      SqliteStatement * select,
      db->Prepare("SELECT data FROM events WHERE job_id = (SELECT id FROM jobs WHERE uid = ?1) "
                  "AND last_seq > ?2 AND (?3 = 0 OR types & ?3) ORDER BY last_seq"));
  const auto reset = absl::MakeCleanup([select] { select->Reset(); });
  select->BindText(1, job_uid).Bind(2, after_seq).Bind(3, types);
  EventPage page;
  while (static_cast<int64_t>(page.events.size()) < max_events) {
    ASSIGN_OR_RETURN(const bool row, select->Step());
    if (!row) return page;
    RETURN_IF_ERROR(UnpackEvents(select->Blob(0), after_seq, types, page.events));
  }
  page.more = static_cast<int64_t>(page.events.size()) > max_events;
  if (page.more) {
    page.events.resize(static_cast<size_t>(max_events));
  } else {
    ASSIGN_OR_RETURN(page.more, select->Step());
  }
  return page;
}

absl::StatusOr<EventPage> SqliteStore::ReadLastEventsOfTypes(const std::string& job_uid,
                                                             EventTypeSet types, int64_t count) {
  SqliteReaders::Lease db = readers_->Take();
  ASSIGN_OR_RETURN(
      SqliteStatement * select,
      db->Prepare("SELECT data FROM events WHERE job_id = (SELECT id FROM jobs WHERE uid = ?1) "
                  "AND (?2 = 0 OR types & ?2) ORDER BY last_seq DESC"));
  const auto reset = absl::MakeCleanup([select] { select->Reset(); });
  select->BindText(1, job_uid).Bind(2, types);
  std::vector<std::vector<std::shared_ptr<const v1::Event>>> batches;
  int64_t found = 0;
  bool older = false;  // rows that were not needed
  while (true) {
    ASSIGN_OR_RETURN(const bool row, select->Step());
    if (!row) break;
    if (found >= count) {
      older = true;
      break;
    }
    std::vector<std::shared_ptr<const v1::Event>> batch;
    RETURN_IF_ERROR(UnpackEvents(select->Blob(0), 0, types, batch));
    found += static_cast<int64_t>(batch.size());
    batches.push_back(std::move(batch));
  }
  EventPage page;
  for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch) {
    page.events.insert(page.events.end(), batch->begin(), batch->end());
  }
  page.more = older || found > count;
  if (found > count) page.events.erase(page.events.begin(), page.events.end() - count);
  return page;
}

absl::StatusOr<std::vector<v1::MetricSeries>> SqliteStore::ReadSeries(
    const std::string& job_uid, const std::vector<std::string>& names, int64_t max_points) {
  SqliteReaders::Lease db = readers_->Take();
  std::vector<std::pair<int64_t, std::string>> wanted;
  {
    ASSIGN_OR_RETURN(
        SqliteStatement * select,
        db->Prepare("SELECT id, name FROM series "
                    "WHERE job_id = (SELECT id FROM jobs WHERE uid = ?1) ORDER BY name"));
    const auto reset = absl::MakeCleanup([select] { select->Reset(); });
    select->BindText(1, job_uid);
    while (true) {
      ASSIGN_OR_RETURN(const bool row, select->Step());
      if (!row) break;
      std::string name(select->Text(1));
      if (names.empty() || std::find(names.begin(), names.end(), name) != names.end()) {
        wanted.emplace_back(select->Int(0), std::move(name));
      }
    }
  }
  std::vector<v1::MetricSeries> all;
  int64_t most = kMostPointsOfAnswer / std::max<int64_t>(1, static_cast<int64_t>(wanted.size()));
  if (max_points > 0) most = std::min(most, max_points);
  for (auto& [id, name] : wanted) {
    ASSIGN_OR_RETURN(
        SqliteStatement * select,
        db->Prepare("SELECT data FROM metric_chunks WHERE series_id = ?1 ORDER BY id"));
    const auto reset = absl::MakeCleanup([select] { select->Reset(); });
    select->Bind(1, id);
    SeriesThinner thinner(std::max<int64_t>(most, 2));
    std::vector<int64_t> steps;
    std::vector<double> values;
    while (true) {
      ASSIGN_OR_RETURN(const bool row, select->Step());
      if (!row) break;
      steps.clear();
      values.clear();
      RETURN_IF_ERROR(UnpackPoints(select->Blob(0), steps, values));
      for (size_t i = 0; i < steps.size(); ++i) thinner.Add(steps[i], values[i]);
    }
    thinner.Finish(most, steps, values);
    v1::MetricSeries series;
    series.set_name(std::move(name));
    series.mutable_steps()->Add(steps.begin(), steps.end());
    series.mutable_values()->Add(values.begin(), values.end());
    all.push_back(std::move(series));
  }
  return all;
}

absl::StatusOr<std::string> SqliteStore::ReadGraphContent(const std::string& graph_hash) {
  SqliteReaders::Lease db = readers_->Take();
  ASSIGN_OR_RETURN(SqliteStatement * select,
                   db->Prepare("SELECT bytes FROM graph_contents WHERE graph_hash = ?1"));
  const auto reset = absl::MakeCleanup([select] { select->Reset(); });
  ASSIGN_OR_RETURN(const bool found, select->BindText(1, graph_hash).Step());
  if (!found) return NotFoundError("graph content", graph_hash);
  return std::string(select->Blob(0));
}

// --- Saved graphs, datasets, request ids ---

template <class Message>
absl::StatusOr<Message> ParseRow(std::string_view bytes, const char* what) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(fmt::format("a stored {} is damaged", what));
  }
  return message;
}

absl::StatusOr<v1::SavedGraph> SqliteStore::ReadGraph(const std::string& name) {
  SqliteReaders::Lease db = readers_->Take();
  ASSIGN_OR_RETURN(SqliteStatement * select,
                   db->Prepare("SELECT header, content FROM graphs WHERE name = ?1"));
  const auto reset = absl::MakeCleanup([select] { select->Reset(); });
  ASSIGN_OR_RETURN(const bool found, select->BindText(1, name).Step());
  if (!found) return NotFoundError("graph", name);
  ASSIGN_OR_RETURN(v1::SavedGraph graph, ParseRow<v1::SavedGraph>(select->Blob(0), "graph"));
  ASSIGN_OR_RETURN(*graph.mutable_graph(), ParseRow<v1::Graph>(select->Blob(1), "graph"));
  return graph;
}

absl::StatusOr<v1::SavedGraph> SqliteStore::ReadGraphByHash(const std::string& project,
                                                            const std::string& graph_hash) {
  std::string name;
  {
    SqliteReaders::Lease db = readers_->Take();
    ASSIGN_OR_RETURN(SqliteStatement * select,
                     db->Prepare("SELECT name FROM graphs WHERE project = ?1 AND graph_hash = ?2 "
                                 "ORDER BY name LIMIT 1"));
    const auto reset = absl::MakeCleanup([select] { select->Reset(); });
    ASSIGN_OR_RETURN(const bool found, select->BindText(1, project).BindText(2, graph_hash).Step());
    if (!found) return NotFoundError("graph with hash", graph_hash);
    name = std::string(select->Text(0));
  }
  return ReadGraph(name);
}

template <class Message>
absl::StatusOr<NamedPage<Message>> ReadPage(SqliteStatement* select, const std::string& project,
                                            const std::string& after, int64_t most,
                                            const char* what) {
  const auto reset = absl::MakeCleanup([select] { select->Reset(); });
  select->BindText(1, project).BindText(2, after).Bind(3, most + 1);
  NamedPage<Message> page;
  PageBytes bytes;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, select->Step());
    if (!row) return page;
    if (static_cast<int64_t>(page.items.size()) == most || !bytes.Take(select->Blob(0).size())) {
      page.next_after = page.items.back().name();
      return page;
    }
    ASSIGN_OR_RETURN(Message item, ParseRow<Message>(select->Blob(0), what));
    page.items.push_back(std::move(item));
  }
}

absl::StatusOr<NamedPage<v1::SavedGraph>> SqliteStore::ListGraphs(const std::string& project,
                                                                  const std::string& after,
                                                                  int64_t most) {
  SqliteReaders::Lease db = readers_->Take();
  ASSIGN_OR_RETURN(SqliteStatement * select,
                   db->Prepare("SELECT header FROM graphs WHERE project = ?1 AND name > ?2 "
                               "ORDER BY name LIMIT ?3"));
  return ReadPage<v1::SavedGraph>(select, project, after, most, "graph");
}

absl::StatusOr<v1::Dataset> SqliteStore::ReadDataset(const std::string& name) {
  SqliteReaders::Lease db = readers_->Take();
  ASSIGN_OR_RETURN(SqliteStatement * select,
                   db->Prepare("SELECT dataset FROM datasets WHERE name = ?1"));
  const auto reset = absl::MakeCleanup([select] { select->Reset(); });
  ASSIGN_OR_RETURN(const bool found, select->BindText(1, name).Step());
  if (!found) return NotFoundError("dataset", name);
  return ParseRow<v1::Dataset>(select->Blob(0), "dataset");
}

absl::StatusOr<NamedPage<v1::Dataset>> SqliteStore::ListDatasets(const std::string& project,
                                                                 const std::string& after,
                                                                 int64_t most) {
  SqliteReaders::Lease db = readers_->Take();
  ASSIGN_OR_RETURN(SqliteStatement * select,
                   db->Prepare("SELECT dataset FROM datasets WHERE project = ?1 AND name > ?2 "
                               "ORDER BY name LIMIT ?3"));
  return ReadPage<v1::Dataset>(select, project, after, most, "dataset");
}

absl::StatusOr<bool> SqliteStore::DatasetUses(const std::string& artifact) {
  SqliteReaders::Lease db = readers_->Take();
  ASSIGN_OR_RETURN(SqliteStatement * select,
                   db->Prepare("SELECT 1 FROM datasets WHERE artifact = ?1 LIMIT 1"));
  const auto reset = absl::MakeCleanup([select] { select->Reset(); });
  return select->BindText(1, artifact).Step();
}

absl::StatusOr<std::optional<IdempotentAnswer>> SqliteStore::FindIdempotent(
    const std::string& scope, const std::string& request_id, absl::Time oldest) {
  SqliteReaders::Lease db = readers_->Take();
  ASSIGN_OR_RETURN(SqliteStatement * select,
                   db->Prepare("SELECT digest, name FROM request_ids "
                               "WHERE scope = ?1 AND request_id = ?2 AND time >= ?3"));
  const auto reset = absl::MakeCleanup([select] { select->Reset(); });
  ASSIGN_OR_RETURN(const bool found, select->BindText(1, scope)
                                         .BindText(2, request_id)
                                         .Bind(3, absl::ToUnixMicros(oldest))
                                         .Step());
  if (!found) return std::optional<IdempotentAnswer>();
  return std::optional<IdempotentAnswer>(
      IdempotentAnswer{std::string(select->Text(0)), std::string(select->Text(1))});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(SqliteOptions options) {
  RETURN_IF_ERROR(MakeDirs(options.directory));
  ASSIGN_OR_RETURN(DirectoryLock lock,
                   DirectoryLock::Take(JoinPath(options.directory, "coordinator.lock")));
  const std::string path = JoinPath(options.directory, "coordinator.db");
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteDb> writer, SqliteDb::Open(path, /*read_only=*/false));
  RETURN_IF_ERROR(writer->Exec(kPragmas));
  RETURN_IF_ERROR(Migrate(*writer));
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteDb> meta, SqliteDb::Open(path, /*read_only=*/false));
  RETURN_IF_ERROR(meta->Exec(kPragmas));
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteReaders> readers,
                   SqliteReaders::Open(path, options.readers));
  return std::make_unique<SqliteStore>(std::move(lock), std::move(writer), std::move(meta),
                                       std::move(readers), options);
}

}  // namespace graphkiln::coordinator
