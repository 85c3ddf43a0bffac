// The one owner of jobs, leases and workers: a pure state machine.
//
// Who calls it: rpc/ (users' verbs, the worker protocol, watches) and main.cc (Restore, Tick). It
// starts no thread, reads time only from the injected clock, knows no gRPC and no SQL. Every entry
// goes through a Scope: take the one lock, read the clock once, run expired deadlines; on the way
// out place waiting jobs, hand the collected mutations to the journal as one batch, unlock, call
// callbacks.
//
// Every method returns in microseconds. Results that depend on a change come by callback, after the
// change is durable, on the journal's thread or (where nothing changes) on the caller's; callbacks
// run without the lock and must return quickly. Every method may be called twice, late or
// concurrently with itself (I9).
//
// The protocol and the invariants I1..I12 are those of `service.md` section 3.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/strings.h"
#include "graphkiln/v1/job.pb.h"
#include "graphkiln/v1/job_service.pb.h"
#include "graphkiln/v1/system_service.pb.h"
#include "graphkiln/worker/v1/worker_service.pb.h"
#include "services/coordinator/core/commit_pipeline.h"
#include "services/coordinator/core/core_metrics.h"
#include "services/coordinator/core/deadlines.h"
#include "services/coordinator/core/event_cursor.h"
#include "services/coordinator/core/idempotency.h"
#include "services/coordinator/core/job_record.h"
#include "services/coordinator/core/journal.h"
#include "services/coordinator/core/mutex.h"
#include "services/coordinator/core/options.h"
#include "services/coordinator/core/pending_queue.h"
#include "services/coordinator/core/token.h"
#include "services/coordinator/core/worker_names.h"
#include "services/coordinator/core/worker_record.h"

namespace graphkiln::coordinator {

/// A checked request to run a job. rpc/ has compiled the graph; the core only stores the results.
struct SubmitArgs {
  std::string project = "default";
  std::string job_id;          // empty: made from the uid
  std::string owner;           // the token's principal
  std::string request_id;      // empty: not idempotent
  std::string request_digest;  // of the request as it came; with a request_id
  v1::JobSpec spec;            // resolved; an inline graph is replaced by its hash here
  std::string graph_hash;
  std::string graph_bytes;  // serialized v1::Graph; stored once per hash; empty: stored already
  std::string ir_bytes;     // serialized v1::IrModule with the loss appended
  v1::Estimate estimate;
  int64_t total_steps = 0;  // 0 where unknown
  /// Clock::Monotonic() when the request arrived, for measured.first_loss_seconds; unset: now.
  std::optional<absl::Duration> received;
};

struct ListArgs {
  std::string project = "default";
  int32_t page_size = 0;  // 0: 50; at most 1,000; negative is refused
  std::string page_token;
  std::vector<v1::JobState> states;
};
struct JobPage {
  std::vector<v1::Job> jobs;  // newest first
  std::string next_page_token;
};

/// What a reader of a job gets, put together without the lock.
struct JobView {
  std::shared_ptr<const v1::Job> contents;
  std::shared_ptr<const std::string> spec;
  std::string pending_reason;
  v1::Job Compose() const;
};

struct PublishResult {
  uint64_t acknowledged_seq = 0;  // all events of the lease up to here are durable
  bool fenced = false;
};

class JobQueue {
 public:
  struct Environment {
    Clock* clock = nullptr;
    RandomSource* random = nullptr;
    Journal* journal = nullptr;
    EventHistory* history = nullptr;
    CoreMetrics* metrics = nullptr;
  };
  using JobCallback = std::function<void(absl::StatusOr<v1::Job>)>;
  using StatusCallback = std::function<void(absl::Status)>;

  JobQueue(CoreOptions options, Environment environment);
  /// The journal must have stopped calling back, and all cursors must be gone.
  ~JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  /// REQUIRES: called once, before anything else. Takes what the store has loaded and starts the
  /// recovery hold.
  absl::Status Restore(LoadedState state);

  // --- Users. A job name is full or bare. ---

  /// Accepts a job. Errors: ALREADY_EXISTS, QUOTA_EXCEEDED, STORAGE_UNAVAILABLE, FIELD_INVALID. The
  /// same request_id and request_digest within 24 h give the same job, also while the first call
  /// still runs; another digest is ALREADY_EXISTS.
  void Submit(SubmitArgs args, JobCallback done);
  /// Answers a retry before it is compiled again, just as Submit would. False: nothing was
  /// submitted under this id, and `done` is not called.
  bool AnswerSubmitted(std::string_view project, std::string_view request_id,
                       std::string_view request_digest, const JobCallback& done);
  /// Drops request ids that are out of force, from the store too. Call it now and then.
  void PurgeRequestIds();
  /// The durable state of a job. The spec's graph is given by its hash. Error: NOT_FOUND.
  absl::StatusOr<v1::Job> Get(std::string_view name);
  absl::StatusOr<JobPage> List(const ListArgs& args);
  /// `grace` unset: the default; 0 kills at once.
  void Cancel(std::string_view name, std::optional<absl::Duration> grace, JobCallback done);
  void Pause(std::string_view name, JobCallback done);
  void Resume(std::string_view name, JobCallback done);
  void Stop(std::string_view name, JobCallback done);

  /// A reader of the job's log. `resume_token` empty: from the beginning. Errors: NOT_FOUND,
  /// TOKEN_INVALID, EVENTS_EXPIRED (metadata oldest_token), QUOTA_EXCEEDED.
  absl::StatusOr<std::shared_ptr<EventCursor>> Watch(std::string_view name,
                                                     std::string_view resume_token,
                                                     EventTypeSet types);

  // --- Operators. ---

  absl::StatusOr<v1::Worker> GetWorker(std::string_view name);
  /// Ordered by name, those after `after`.
  std::vector<v1::Worker> ListWorkers(std::string_view after, size_t most);
  void Cordon(std::string_view worker, std::function<void(absl::StatusOr<v1::Worker>)> done);
  void Uncordon(std::string_view worker, std::function<void(absl::StatusOr<v1::Worker>)> done);
  void Drain(std::string_view worker, std::function<void(absl::StatusOr<v1::Worker>)> done);

  // --- The worker protocol. ---

  /// Full state in, full wish out. Errors: SUPERSEDED (the daemon exits), FIELD_INVALID,
  /// QUOTA_EXCEEDED. A worker keeps a finished lease in `held` (PHASE_FINISHED) until FinishLease
  /// was answered: a lease that it no longer holds counts as lost.
  absl::StatusOr<worker::v1::ConnectResponse> Report(const worker::v1::ConnectRequest& request);
  /// The wish alone, for a push (in_reply_to 0). Error: NOT_FOUND before the first report.
  absl::StatusOr<worker::v1::ConnectResponse> OrdersFor(std::string_view worker);
  /// The worker's stream broke: SUSPECT now. Its leases stay until lease_ttl.
  void StreamClosed(std::string_view worker, std::string_view incarnation);
  /// `listener` is called (any thread, no locks, perhaps once more after removal) whenever
  /// OrdersFor has changed.
  uint64_t AddOrdersListener(std::string_view worker, std::function<void()> listener);
  void RemoveOrdersListener(uint64_t id);

  // Of the three that follow: `speaker` must cover the worker that holds the lease, or the answer
  // is PERMISSION_DENIED and nothing happens.

  /// Takes the events out of `request`. `done` when durable, or at once with `fenced`. Errors (by
  /// `done`): STORAGE_UNAVAILABLE (the worker keeps them and sends again), FIELD_INVALID.
  void PublishEvents(worker::v1::PublishEventsRequest request,
                     std::function<void(absl::StatusOr<PublishResult>)> done,
                     const WorkerNames& speaker = WorkerNames::Any());
  /// rpc/ has checked that the artifact is stored. Errors: LEASE_FENCED, NOT_FOUND,
  /// STORAGE_UNAVAILABLE.
  void CommitCheckpoint(
      const worker::v1::CommitCheckpointRequest& request,
      std::function<void(absl::StatusOr<worker::v1::CommitCheckpointResponse>)> done,
      const WorkerNames& speaker = WorkerNames::Any());
  /// Errors: LEASE_FENCED, NOT_FOUND, FIELD_INVALID, STORAGE_UNAVAILABLE.
  void FinishLease(const worker::v1::FinishLeaseRequest& request,
                   std::function<void(absl::StatusOr<worker::v1::FinishLeaseResponse>)> done,
                   const WorkerNames& speaker = WorkerNames::Any());

  // --- The process. ---

  /// Runs expired deadlines. Call when NextDeadline has passed.
  void Tick();
  /// On the monotonic clock; InfiniteDuration when there is none.
  absl::Duration NextDeadline();
  /// Called (no locks held) when NextDeadline has become earlier.
  void SetDeadlineListener(std::function<void()> listener);
  /// What retention has dropped or a newer run replaced: SHA-256 of files that no job referred to
  /// any more. Called after the commit, no locks held; UsesArtifact tells whether it still holds.
  void SetReleasedListener(std::function<void(std::vector<std::string>)> listener);
  /// Does an accepted job refer to the file? A submit counts when it is durable, everything else
  /// at once; a file that is dropped counts until that is durable.
  bool UsesArtifact(const std::string& sha256);
  /// True when restored and the storage takes writes.
  bool Ready();
  uint64_t generation();
  /// For page tokens of other services.
  const TokenSealer& sealer() const { return *sealer_; }

  /// All invariants that can be checked at an instant; the first violation as INTERNAL. Tests call
  /// it after every step.
  absl::Status CheckInvariants();

 private:
  friend class EventCursor;
  class Scope;

  // Scope entry and exit (job_queue.cc).
  void ReadClock() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  /// When Tick must be called at the latest.
  absl::Duration NextWake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RunDeadlines() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FireTimer(const Timer& timer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Flush() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnCommitted(uint64_t batch, absl::Status status);

  // Lookups.
  JobRecord* FindJob(std::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<JobRecord*> RequireJob(std::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<WorkerRecord*> RequireWorker(std::string_view name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  using ReasonCache = absl::btree_map<JobNeeds, std::string>;
  JobView View(const JobRecord& job, std::shared_ptr<const v1::Job> contents,
               ReasonCache* reasons = nullptr) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  v1::Worker Present(const WorkerRecord& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ChangeJob(std::string_view name, JobCallback done,
                 const std::function<absl::Status(JobRecord&)>& change);
  void Send(bool refusable) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Apply(const Effect& effect, const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool AnswerRepeated(std::string_view scope, std::string_view request_id, std::string_view digest,
                      const JobCallback& done) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Accept(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Forget(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ShowProgress(JobRecord& job, const ShowEvents& shown) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Index(std::unique_ptr<JobRecord> job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CountOpen(const JobRecord& job, int64_t by) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Answers after all that is pending for the job (job_queue.cc).
  void AnswerJob(const JobRecord& job, JobCallback done) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void After(uint64_t batch, StatusCallback done) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RunSoon(std::function<void()> action) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // The one way to change a job (job_queue_changes.cc).
  v1::Job& Edit(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SetState(JobRecord& job, v1::JobState state, std::string reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EnterQueue(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void LeaveQueue(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  /// `fenced`: the batch is refused unless the job's lease is still open in the store (I3).
  void AppendEvent(JobRecord& job, v1::Event event, bool fenced = false)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AppendStateEvent(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void StageJob(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReleaseProgram(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NotifyOrders(WorkerRecord& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NotifyWatchers(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Leases (job_queue_leases.cc).
  void Place() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Offer(JobRecord& job, WorkerRecord& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void HoldBack(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  /// The worker refused the offer or did not take it: others are asked first, not for ever.
  void RefuseOffer(JobRecord& job, Lease::State state, std::string reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Activate(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CloseLease(JobRecord& job, Lease::State state, std::string outcome)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Requeue(JobRecord& job, std::string reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void LoseLease(JobRecord& job, std::string reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FailOrRetry(JobRecord& job, std::string reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EndJob(JobRecord& job, v1::JobState state, std::string reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  /// What the worker should be told about the job's open lease.
  WorkerOrder OrderOf(const JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void StageOrder(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void BeginStop(JobRecord& job, absl::Duration grace) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  /// Gives a stopping job its whole time to obey, from now on. No effect on others.
  void ArmStop(const JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Preempt(JobRecord& job, std::string reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  /// Why a worker's write must be refused; OK when (job, epoch) is current and its lease open (I3).
  absl::Status CheckFence(const JobRecord& job, int64_t epoch, std::string_view name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ApplyFinish(JobRecord& job, const worker::v1::FinishLeaseRequest& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReferArtifact(const std::string& sha256) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool UnreferArtifact(const std::string& sha256) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReferArtifactsOf(const JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status StorageHealth() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Workers (job_queue_workers.cc).
  absl::StatusOr<WorkerRecord*> Register(const worker::v1::ConnectRequest& request,
                                         const std::string& name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Reconcile(WorkerRecord& worker, const worker::v1::ConnectRequest& request,
                 bool new_incarnation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void UpdateWorkerState(WorkerRecord& worker) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SetWorkerState(WorkerRecord& worker, WorkerRecord::State state, std::string reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void LoseWorker(WorkerRecord& worker, std::string reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PreemptAll(WorkerRecord& worker, std::string reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OperateWorker(std::string_view worker, bool cordoned, bool drained,
                     std::function<void(absl::StatusOr<v1::Worker>)> done);
  struct WishParts;  // the orders, and the bytes that are parsed without the lock
  WishParts Wish(const WorkerRecord& worker, uint64_t in_reply_to)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  WorkerRecord& AddWorker(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetWorker(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FireStop(JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Authoritative() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  absl::Status CheckJob(const JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const CoreOptions options_;
  Clock& clock_;
  RandomSource& random_;
  Journal& journal_;
  EventHistory& history_;
  CoreMetrics& metrics_;
  std::unique_ptr<TokenSealer> sealer_;  // set by Restore, then never changed

  Mutex mu_;
  // The one notion of now, set by Scope.
  absl::Duration now_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
  absl::Time wall_ ABSL_GUARDED_BY(mu_);
  bool restored_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t generation_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t registrations_ ABSL_GUARDED_BY(mu_) = 0;  // of this generation
  uint64_t log_generation_ ABSL_GUARDED_BY(mu_) = 0;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;  // the journal refused what it must not refuse

  absl::flat_hash_map<std::string, std::unique_ptr<JobRecord>> jobs_
      ABSL_GUARDED_BY(mu_);  // by uid
  StringMap<JobRecord*> jobs_by_name_ ABSL_GUARDED_BY(mu_);
  // Newest first, per project.
  absl::flat_hash_map<std::string, absl::btree_map<int64_t, JobRecord*, std::greater<int64_t>>>
      jobs_by_project_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, int64_t> open_jobs_by_project_ ABSL_GUARDED_BY(mu_);
  int64_t open_jobs_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t next_create_index_ ABSL_GUARDED_BY(mu_) = 1;

  struct Program {
    std::shared_ptr<const std::string> bytes;
    int64_t users = 0;    // open jobs
    bool stored = false;  // by a durable submit
  };
  absl::flat_hash_map<std::string, Program> programs_ ABSL_GUARDED_BY(mu_);
  StringSet known_graphs_ ABSL_GUARDED_BY(mu_);  // content hashes stored by this process
  absl::flat_hash_map<std::string, int64_t> artifact_users_ ABSL_GUARDED_BY(mu_);

  absl::btree_map<std::string, std::unique_ptr<WorkerRecord>> workers_ ABSL_GUARDED_BY(mu_);
  PendingQueue pending_ ABSL_GUARDED_BY(mu_);
  // What operators want, also of workers that are not connected.
  absl::btree_map<std::string, PutWorker> operator_wishes_ ABSL_GUARDED_BY(mu_);
  bool place_ ABSL_GUARDED_BY(mu_) = false;  // something changed that may let a job start
  Deadlines deadlines_ ABSL_GUARDED_BY(mu_);
  IdempotencyTable request_ids_ ABSL_GUARDED_BY(mu_);

  CommitPipeline pipeline_ ABSL_GUARDED_BY(mu_);
  std::vector<JobRecord*> dirty_ ABSL_GUARDED_BY(mu_);  // edited in this scope, not yet staged
  std::vector<std::function<void()>> run_soon_ ABSL_GUARDED_BY(mu_);

  struct OrdersListener {
    std::string worker;
    std::function<void()> call;
  };
  absl::btree_map<uint64_t, OrdersListener> orders_listeners_ ABSL_GUARDED_BY(mu_);
  uint64_t next_listener_ ABSL_GUARDED_BY(mu_) = 1;
  std::function<void()> deadline_listener_ ABSL_GUARDED_BY(mu_);
  absl::Duration announced_deadline_ ABSL_GUARDED_BY(mu_) = absl::InfiniteDuration();
  std::function<void(std::vector<std::string>)> released_listener_ ABSL_GUARDED_BY(mu_);
};

}  // namespace graphkiln::coordinator
