// What the core asks of a store: durable, ordered batches of a closed set of mutations, and the
// history of events. store/ implements it; the core knows no SQL.
//
// "Durable before visible": the core changes its memory, hands a batch to Commit, and lets answers,
// orders and events out only in the batch's callback.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "graphkiln/v1/dataset_service.pb.h"
#include "graphkiln/v1/graph_service.pb.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::coordinator {

/// What the core keeps of a job beside the public resource.
struct JobInternals {
  int64_t create_index = 0;    // order of acceptance, over all jobs
  int32_t infra_failures = 0;  // leases lost or failed by the machine's fault
  int64_t last_seq = 0;        // last assigned event position
  std::string program;         // SHA-256 of the serialized IR, a PutProgram
  absl::Time queue_time;       // since when it waits
  int64_t finish_epoch = 0;    // lease whose FinishLease was applied last; 0: none
  std::string finish_digest;   // SHA-256 of that request
  v1::JobState finish_answer = v1::JOB_STATE_UNSPECIFIED;
};

/// Stores the part of a job that never changes. `spec` is serialized JobSpec without its graph.
struct PutJobSpec {
  std::string uid;
  std::shared_ptr<const std::string> spec;
};
/// Inserts or replaces a job; `job` has no spec. A new row conflicts with a used name.
struct PutJob {
  std::shared_ptr<const v1::Job> job;
  JobInternals internals;
};
/// Lease states as stored.
enum class StoredLeaseState { kOffered = 1, kActive = 2, kClosed = 3 };
/// Inserts a lease (kOffered; its epoch must be above all of the job) or changes its state.
struct PutLease {
  std::string job_uid;
  int64_t epoch = 0;
  std::string worker;
  std::string incarnation;
  StoredLeaseState state = StoredLeaseState::kOffered;
  std::string outcome;  // of a closed one: how it ended
  absl::Time time;
  std::string registration;  // of an offered one: the worker's
};
/// Appends events at consecutive or rising `seq`. With `fence_epoch` it applies only while that
/// lease is open, and `last_worker_seq` is kept with the lease, so that a resend is recognised.
struct AppendEvents {
  std::string job_uid;
  int64_t fence_epoch = 0;  // 0: the coordinator's own events
  uint64_t last_worker_seq = 0;
  std::vector<std::shared_ptr<const v1::Event>> events;
};
/// Points of one series, steps in order.
struct SeriesPoints {
  std::string name;
  std::vector<int64_t> steps;
  std::vector<double> values;
};
struct AppendMetrics {
  std::string job_uid;
  std::vector<SeriesPoints> series;
};
/// Content shared by jobs, by SHA-256 of the bytes: serialized IrModule.
struct PutProgram {
  std::string sha256;
  std::shared_ptr<const std::string> bytes;
};
struct DropProgram {
  std::string sha256;
};
/// Serialized Graph by content hash; kept for the history of jobs.
struct PutGraphContent {
  std::string graph_hash;
  std::shared_ptr<const std::string> bytes;
};
/// A request id that was answered with `name`. An id that was answered before and is still in force
/// refuses the batch: ALREADY_EXISTS, metadata `request_id` and `name`.
struct PutIdempotency {
  std::string scope;  // method and project
  std::string request_id;
  std::string digest;  // SHA-256 of the request's contents
  std::string name;
  absl::Time time;
  absl::Time reusable_before = absl::InfinitePast();  // answers older than this are out of force
};
/// Removes request ids older than `before`, then the oldest beyond `most`.
struct PurgeIdempotency {
  absl::Time before;
  int64_t most = 0;  // 0: any number
};
/// What an operator wants of a worker.
struct PutWorker {
  std::string name;
  bool cordoned = false;
  bool drained = false;
};
/// Saved graphs and datasets; a failed precondition refuses the whole batch (ALREADY_EXISTS,
/// NOT_FOUND, ETAG_MISMATCH).
struct PutGraph {
  enum class When { kAbsent, kPresent };
  v1::SavedGraph graph;
  When when = When::kAbsent;
  std::string etag;  // with kPresent: must be the stored one; empty: any
};
struct DeleteGraph {
  std::string name;
  std::string etag;  // empty: any
};
struct PutDataset {
  v1::Dataset dataset;  // must be absent
};
struct DeleteDataset {
  std::string name;
};

using Mutation = std::variant<PutJobSpec, PutJob, PutLease, AppendEvents, AppendMetrics, PutProgram,
                              DropProgram, PutGraphContent, PutIdempotency, PurgeIdempotency,
                              PutWorker, PutGraph, DeleteGraph, PutDataset, DeleteDataset>;

struct CommitBatch {
  std::vector<Mutation> mutations;  // all or nothing
  /// True: when the storage refuses writes, the batch is given up and `done` gets the error.
  /// False: it is tried again until it succeeds, and later batches wait behind it.
  bool refusable = false;
  /// Called once, on the store's thread, never from inside Commit, in the order of Commit but that
  /// a refused batch may come before older ones that wait. Must return quickly. A batch that comes
  /// after the store was closed is dropped without a call: whoever closes has stopped the callers.
  std::function<void(absl::Status)> done;
};

/// Thread-safe.
class Journal {
 public:
  virtual ~Journal() = default;
  /// Queues the batch and returns at once. Batches become durable in the order of the calls.
  virtual void Commit(CommitBatch batch) = 0;
  /// OK while writes work; otherwise why they do not.
  virtual absl::Status Health() const = 0;
};

/// A stretch of the stored log of a job.
struct EventPage {
  std::vector<std::shared_ptr<const v1::Event>> events;  // rising seq, all > after_seq
  bool more = false;                                     // stopped by a limit
};

/// Blocking reads: executor threads only, never a reaction.
class EventHistory {
 public:
  virtual ~EventHistory() = default;
  virtual absl::StatusOr<EventPage> ReadEvents(const std::string& job_uid, int64_t after_seq,
                                               int64_t max_events) = 0;
};

// What a store hands over at start.

struct LoadedJob {
  std::shared_ptr<const v1::Job> job;  // without spec
  std::shared_ptr<const std::string> spec;
  JobInternals internals;
};
struct LoadedLease {
  std::string job_uid;
  int64_t epoch = 0;
  std::string worker;
  std::string incarnation;
  StoredLeaseState state = StoredLeaseState::kOffered;
  uint64_t last_worker_seq = 0;
  std::string registration;
};
struct LoadedProgram {
  std::string sha256;
  std::shared_ptr<const std::string> bytes;
};
struct LoadedEvents {
  std::string job_uid;
  std::vector<std::shared_ptr<const v1::Event>> tail;  // the last ones, rising seq
};
struct LoadedState {
  uint64_t generation = 0;  // rises with each start
  std::string token_key;    // secret of this store, for tokens
  uint64_t log_generation = 0;
  std::vector<LoadedJob> jobs;
  std::vector<LoadedLease> open_leases;
  std::vector<LoadedProgram> programs;  // of open jobs
  std::vector<LoadedEvents> events;     // of open jobs
  std::vector<PutIdempotency> request_ids;
  std::vector<PutWorker> workers;
};

}  // namespace graphkiln::coordinator
