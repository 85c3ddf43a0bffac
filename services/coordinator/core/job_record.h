// One job: the public resource, what the core keeps beside it, its open lease and its log.
//
// States are those of v1::JobState; the legal transitions (`service.md` 3.5):
//   QUEUED     -> OFFERED, PAUSED, CANCELLED
//   OFFERED    -> RUNNING, QUEUED, CANCELLING; FAILED (refused too often)
//   RUNNING    -> SUCCEEDED, FAILED, BACKOFF, CANCELLING, PREEMPTING, QUEUED
//   PREEMPTING -> QUEUED, PAUSED, FAILED, CANCELLING; SUCCEEDED (done before it could obey)
//   PAUSED     -> QUEUED, CANCELLED
//   CANCELLING -> CANCELLED
//   BACKOFF    -> QUEUED, PAUSED, CANCELLED
//   SUCCEEDED, FAILED, CANCELLED absorb.
//
// Copy on write: the public resource is an immutable snapshot; a change is made in a draft, which
// becomes the next snapshot when it is staged for the store, and is shown when that commit is
// durable. Thread-compatible; the queue's lock guards it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "common/base/strings.h"
#include "graphkiln/v1/job.pb.h"
#include "services/coordinator/core/event_log.h"
#include "services/coordinator/core/journal.h"
#include "services/coordinator/core/lease.h"
#include "services/coordinator/core/offer_refusals.h"

namespace graphkiln::coordinator {

class EventCursor;

/// What a job needs of a worker; jobs with equal needs wait in one line.
struct JobNeeds {
  std::string device = "any";  // any, cpu, cuda
  int32_t devices = 1;
  int64_t memory_bytes = 0;  // 0: unknown
  int32_t cores = 1;

  friend bool operator<(const JobNeeds& a, const JobNeeds& b);
  friend bool operator==(const JobNeeds& a, const JobNeeds& b) = default;
};

class JobRecord {
 public:
  using State = v1::JobState;

  /// `job` has no spec; `spec` is the serialized one, without an inline graph.
  JobRecord(std::string project, std::shared_ptr<const v1::Job> job,
            std::shared_ptr<const std::string> spec, const v1::JobSpec& parsed,
            JobInternals internals);

  static bool IsLegal(State from, State to);
  static bool IsTerminal(State state);
  /// `QUEUED`, without the enum's prefix.
  static std::string_view Name(State state);

  // Never change.
  const std::string& uid() const { return uid_; }
  const std::string& name() const { return name_; }
  const std::string& project() const { return project_; }
  const std::string& queue() const { return queue_; }
  int32_t priority() const { return priority_; }
  const JobNeeds& needs() const { return needs_; }
  std::optional<int32_t> max_retries() const { return max_retries_; }
  const v1::CheckpointPolicy& checkpoint_policy() const { return checkpoint_policy_; }
  const std::shared_ptr<const std::string>& spec_bytes() const { return spec_; }
  const std::vector<std::string>& spec_artifacts() const { return spec_artifacts_; }
  v1::JobSpec ParseSpec() const;

  /// The newest contents, perhaps not durable yet.
  const v1::Job& current() const { return draft_ != nullptr ? *draft_ : *latest_; }
  State state() const { return current().state(); }
  bool terminal() const { return IsTerminal(state()); }
  bool has_draft() const { return draft_ != nullptr; }
  v1::Job& Draft();
  /// Makes the draft the newest snapshot and returns it.
  std::shared_ptr<const v1::Job> Freeze();
  const std::shared_ptr<const v1::Job>& latest() const { return latest_; }
  /// The durable contents that everyone may see; null before the submit is durable.
  const std::shared_ptr<const v1::Job>& visible() const { return visible_; }
  void Show(std::shared_ptr<const v1::Job> job) { visible_ = std::move(job); }

  /// The one way to change the state (in the draft). False (and a reported bug) when it is not
  /// legal.
  bool TransitionTo(State to);

  bool leased() const { return lease != nullptr; }

  // Kept by the queue.
  JobInternals internals;
  std::unique_ptr<Lease> lease;  // open, or null
  EventLog log;
  std::vector<EventCursor*> watchers;
  OfferRefusals refusals;   // since it last ran
  StringSet series;         // names of its metrics, as far as this process has seen them
  uint64_t last_batch = 0;  // last commit that carries a change of this job
  bool in_queue = false;    // waits in the pending queue
  double queue_key = 0;     // its place there
  bool dirty = false;       // edited in this scope
  bool must_store = false;  // the edit is more than mere progress
  absl::Duration stored_at = absl::ZeroDuration();   // when it was last staged for the store
  absl::Duration queued_at = absl::ZeroDuration();   // since when it waits
  absl::Duration stop_grace = absl::ZeroDuration();  // of the last stop order
  std::optional<absl::Duration> received_at;         // in this process; for first_loss_seconds
  std::string hold_reason;                           // why a queued job is held back
  std::string request_scope;                         // while the submit is not durable
  std::string request_id;

 private:
  const std::string uid_;
  const std::string name_;
  const std::string project_;
  std::string queue_;
  int32_t priority_ = 0;
  JobNeeds needs_;
  std::optional<int32_t> max_retries_;
  v1::CheckpointPolicy checkpoint_policy_;
  std::shared_ptr<const std::string> spec_;
  std::vector<std::string> spec_artifacts_;
  std::shared_ptr<const v1::Job> latest_;
  std::shared_ptr<const v1::Job> visible_;
  std::unique_ptr<v1::Job> draft_;
};

}  // namespace graphkiln::coordinator
