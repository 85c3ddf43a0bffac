// Turns mutations into SQL, inside a transaction that the caller holds. The writer thread owns it.
//
// Statements carry their fences: an epoch never goes back, a terminal state absorbs, a worker's
// write applies only while its lease is open. Where a statement changes nothing, the batch is
// refused.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/coordinator/core/journal.h"
#include "services/coordinator/store/sqlite_db.h"

namespace graphkiln::coordinator {

class MutationWriter {
 public:
  explicit MutationWriter(SqliteDb* db) : db_(*db) {}

  absl::Status Apply(const Mutation& mutation);
  /// The transaction was rolled back: what is remembered of the database may be wrong.
  void ForgetCache() { series_.clear(); }

 private:
  absl::Status Put(const PutJobSpec& put);
  absl::Status Put(const PutJob& put);
  absl::Status Put(const PutLease& put);
  absl::Status Put(const AppendEvents& append);
  absl::Status Put(const AppendMetrics& append);
  absl::Status Put(const PutProgram& put);
  absl::Status Put(const DropProgram& drop);
  absl::Status Put(const PutGraphContent& put);
  absl::Status Put(const PutIdempotency& put);
  absl::Status Put(const PurgeIdempotency& purge);
  absl::Status Put(const PutWorker& put);
  absl::Status Put(const PutGraph& put);
  absl::Status Put(const DeleteGraph& remove);
  absl::Status Put(const PutDataset& put);
  absl::Status Put(const DeleteDataset& remove);

  // A series that is being written. Small chunks since `first_chunk` are merged now and then.
  struct OpenSeries {
    int64_t id = 0;
    int64_t first_chunk = 0;  // 0: none
    int64_t chunks = 0;
    int64_t points = 0;
  };
  absl::StatusOr<OpenSeries*> FindSeries(const std::string& job_uid, const std::string& name);
  absl::Status MergeChunks(OpenSeries& series);
  /// Refuses with the fitting error when a saved graph is not as expected.
  absl::Status CheckGraph(const std::string& name, bool must_exist, const std::string& etag);

  SqliteDb& db_;
  std::map<std::string, std::map<std::string, OpenSeries>> series_;  // by job uid and name
};

}  // namespace graphkiln::coordinator
