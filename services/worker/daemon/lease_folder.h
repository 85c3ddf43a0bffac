// The folder of one lease: `work/` for the trainer, and, once the trainer has ended, what still has
// to reach the coordinator. A result survives a restart of the worker: it is on disk before the
// first attempt to hand it over, and removed when the coordinator has answered.
//
// Used by the lease runner (its thread) and, at start, by the supervisor. Thread-compatible.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graphkiln/worker/v1/worker_service.pb.h"
#include "services/worker/daemon/lease_id.h"

namespace graphkiln::worker {

/// All that is left to do for a lease whose trainer has ended.
struct PendingEnd {
  /// Checkpoints that are kept here and not committed yet; they go first: the best one of the job,
  /// then the newest, if that is another.
  std::optional<v1::CommitCheckpointRequest> best;
  std::optional<v1::CommitCheckpointRequest> checkpoint;
  /// The end; its artifacts are kept here.
  v1::FinishLeaseRequest finish;
};

class LeaseFolder {
 public:
  /// `root` holds the folders of all leases. Makes this one, empty.
  static absl::StatusOr<LeaseFolder> Create(const std::string& root, const LeaseId& id);

  /// Removes what earlier processes left under `root`, but for ends that were not handed over.
  static absl::StatusOr<std::vector<std::pair<LeaseFolder, PendingEnd>>> Recover(
      const std::string& root);

  const std::string& work_dir() const { return work_dir_; }
  /// Moves a finished file of the trainer to where it is kept; returns its digest. `sha256` may be
  /// given when it is known. PermissionDenied when the file is not inside work_dir.
  absl::StatusOr<std::string> Keep(const std::string& path, std::string sha256 = "");
  std::string KeptPath(const std::string& sha256) const;

  absl::Status Save(const PendingEnd& end);
  /// Removes the folder with all it holds.
  void Remove();

 private:
  explicit LeaseFolder(std::string path);

  std::string path_;
  std::string work_dir_;
};

}  // namespace graphkiln::worker
