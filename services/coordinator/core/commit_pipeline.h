// Between the state machine and the journal: collects what one scope changes, numbers the batches,
// and keeps what becomes visible when each of them is durable.
//
// Effects are data; the queue applies them under its lock when the journal reports the batch.
// Batches are committed in the order of their numbers. Thread-compatible; the queue's lock guards
// it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/coordinator/core/job_record.h"
#include "services/coordinator/core/journal.h"
#include "services/coordinator/core/worker_record.h"

namespace graphkiln::coordinator {

/// The submit is durable: the job appears and waits for a slot. A refused one vanishes.
struct AcceptJob {
  JobRecord* job;
};
/// Contents of a job that everyone may see now.
struct ShowJob {
  JobRecord* job;
  std::shared_ptr<const v1::Job> contents;
};
/// Events up to `seq` may be read; with `epoch`, the lease's events up to `worker_seq` are
/// acknowledged.
struct ShowEvents {
  JobRecord* job;
  int64_t seq = 0;
  int64_t epoch = 0;
  uint64_t worker_seq = 0;
  bool has_loss = false;
};
/// The lease's row is there: its offer may leave (I2).
struct LeaseDurable {
  JobRecord* job;
  int64_t epoch = 0;
};
/// What the worker is told from now on.
struct TellWorker {
  std::string worker;
  std::string job_uid;
  WorkerOrder order;
};
/// The lease is closed: the worker is told nothing about it, and so stops it.
struct TellNothing {
  std::string worker;
  std::string job_uid;
  int64_t epoch = 0;
};
/// References to files that the job has dropped, one each.
struct ReleaseArtifacts {
  std::vector<std::string> sha256;
};

using Effect = std::variant<AcceptJob, ShowJob, ShowEvents, LeaseDurable, TellWorker, TellNothing,
                            ReleaseArtifacts>;

struct SentBatch {
  uint64_t id = 0;
  bool finished = false;
  std::vector<Effect> effects;
  std::vector<std::function<void(absl::Status)>> after;
};

class CommitPipeline {
 public:
  void Stage(Mutation mutation) { staged_.push_back(std::move(mutation)); }
  void OnDurable(Effect effect) { effects_.push_back(std::move(effect)); }
  bool empty() const { return staged_.empty() && effects_.empty(); }
  /// Number of the batch that is being collected.
  uint64_t next_id() const { return next_id_; }
  /// All up to this number are durable (or were refused).
  uint64_t finished_id() const { return finished_id_; }

  /// Closes the batch that is being collected and remembers it until Finish.
  std::vector<Mutation> Seal();
  /// Calls `after` when batch `id` is finished. REQUIRES: id > finished_id(), id < next_id().
  void After(uint64_t id, std::function<void(absl::Status)> after);
  /// The journal has finished batch `id`: the oldest one, or a refused one.
  SentBatch Finish(uint64_t id);

 private:
  std::vector<Mutation> staged_;
  std::vector<Effect> effects_;
  std::deque<SentBatch> sent_;
  uint64_t next_id_ = 1;
  uint64_t finished_id_ = 0;
};

}  // namespace graphkiln::coordinator
