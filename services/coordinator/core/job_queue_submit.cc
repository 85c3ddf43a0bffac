// Submit: from a checked request to a durable, waiting job.
//
// The submit is a batch of its own that the store may refuse; nothing else refers to the job until
// that batch is durable (Accept), so a refused one can be forgotten without trace.
#include <fmt/format.h>

#include <utility>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "services/coordinator/core/digest.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/job_queue_scope.h"
#include "services/coordinator/core/names.h"
#include "services/coordinator/core/time_proto.h"

namespace graphkiln::coordinator {
namespace {

constexpr size_t kMostRequestIdBytes = 128;
constexpr size_t kMostKnownGraphs = 100'000;

std::string SubmitScope(std::string_view project) { return fmt::format("SubmitJob/{}", project); }

absl::Status QuotaError(std::string_view what, int64_t most) {
  return MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUOTA_EXCEEDED,
                   fmt::format("{} has {} unfinished jobs, the most that are taken", what, most),
                   {{"limit", fmt::format("{}", most)}, {"retry_after_seconds", "5"}});
}

absl::Status CheckArgs(const SubmitArgs& args) {
  if (!IsResourceId(args.project)) return FieldError("parent", "is not a project");
  if (!args.job_id.empty() && !IsResourceId(args.job_id)) {
    return FieldError("job_id", "must match [a-z]([a-z0-9-]{0,61}[a-z0-9])?");
  }
  if (args.request_id.size() > kMostRequestIdBytes) return FieldError("request_id", "is too long");
  if (args.ir_bytes.empty()) return FieldError("spec.graph", "is not compiled");
  return absl::OkStatus();
}

}  // namespace

bool JobQueue::AnswerRepeated(std::string_view scope, std::string_view request_id,
                              std::string_view digest, const JobCallback& done) {
  if (request_id.empty()) return false;
  const PutIdempotency* entry =
      request_ids_.Find(scope, request_id, wall_ - options_.request_id_life);
  const JobRecord* earlier = entry == nullptr ? nullptr : FindJob(entry->name);
  if (earlier == nullptr) return false;
  if (entry->digest == digest) {
    AnswerJob(*earlier, done);
    return true;
  }
  RunSoon([done, name = entry->name] {
    done(MakeError(absl::StatusCode::kAlreadyExists, v1::ERROR_REASON_ALREADY_EXISTS,
                   "the request_id was used for another job", {{"name", name}}));
  });
  return true;
}

bool JobQueue::AnswerSubmitted(std::string_view project, std::string_view request_id,
                               std::string_view request_digest, const JobCallback& done) {
  Scope scope(this);
  return AnswerRepeated(SubmitScope(project), request_id, request_digest, done);
}

void JobQueue::PurgeRequestIds() {
  Scope scope(this);
  const absl::Time oldest = wall_ - options_.request_id_life;
  request_ids_.Purge(oldest, static_cast<size_t>(options_.max_request_ids));
  pipeline_.Stage(PurgeIdempotency{oldest, options_.max_request_ids});
}

void JobQueue::Submit(SubmitArgs args, JobCallback done) {
  if (absl::Status status = CheckArgs(args); !status.ok()) {
    done(status);
    return;
  }
  args.spec.mutable_graph()->set_hash(args.graph_hash);
  auto spec_bytes = std::make_shared<const std::string>(SerializeDeterministic(args.spec));
  std::string program = Sha256Hex(args.ir_bytes);

  Scope scope(this);
  const auto refuse = [&](absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    RunSoon([done, status = std::move(status)] { done(status); });
  };
  const std::string request_scope = SubmitScope(args.project);
  if (AnswerRepeated(request_scope, args.request_id, args.request_digest, done)) return;
  if (absl::Status health = StorageHealth(); !health.ok()) return refuse(health);
  if (open_jobs_ >= options_.max_open_jobs) {
    return refuse(QuotaError("the server", options_.max_open_jobs));
  }
  const auto project = open_jobs_by_project_.find(args.project);
  if (project != open_jobs_by_project_.end() &&
      project->second >= options_.max_open_jobs_per_project) {
    return refuse(QuotaError(args.project, options_.max_open_jobs_per_project));
  }
  const std::string uid = NewUid(random_);
  if (args.job_id.empty()) args.job_id = fmt::format("job-{}", uid.substr(0, 12));
  const std::string name = FormatResourceName(args.project, "jobs", args.job_id);
  if (FindJob(name) != nullptr) {
    return refuse(MakeError(absl::StatusCode::kAlreadyExists, v1::ERROR_REASON_ALREADY_EXISTS,
                            fmt::format("there is a job {} already", name), {{"name", name}}));
  }

  Flush();  // what deadlines have changed in this scope must not share a batch that may be refused

  auto contents = std::make_shared<v1::Job>();
  contents->set_name(name);
  contents->set_uid(uid);
  contents->set_owner(args.owner);
  contents->set_state(v1::JOB_STATE_QUEUED);
  contents->set_graph_hash(args.graph_hash);
  contents->set_total_steps(args.total_steps);
  *contents->mutable_create_time() = ToProto(wall_);
  *contents->mutable_update_time() = ToProto(wall_);
  *contents->mutable_estimate() = std::move(args.estimate);
  *contents->mutable_labels() = args.spec.labels();
  JobInternals internals;
  internals.create_index = next_create_index_++;
  internals.program = program;
  internals.queue_time = wall_;
  auto record =
      std::make_unique<JobRecord>(args.project, contents, spec_bytes, args.spec, internals);
  JobRecord& job = *record;
  job.received_at = args.received.value_or(now_);
  job.stored_at = now_;
  job.request_scope = request_scope;
  job.request_id = args.request_id;
  jobs_by_name_[name] = &job;
  jobs_.emplace(uid, std::move(record));
  CountOpen(job, 1);

  pipeline_.OnDurable(AcceptJob{&job});
  Program& shared = programs_[program];
  if (shared.bytes == nullptr) {
    shared.bytes = std::make_shared<const std::string>(std::move(args.ir_bytes));
  }
  ++shared.users;
  if (!shared.stored) pipeline_.Stage(PutProgram{program, shared.bytes});
  if (!args.graph_bytes.empty() && !known_graphs_.contains(args.graph_hash)) {
    pipeline_.Stage(PutGraphContent{
        args.graph_hash, std::make_shared<const std::string>(std::move(args.graph_bytes))});
  }
  job.internals.last_seq = 1;  // the event that follows the row
  pipeline_.Stage(PutJob{job.latest(), job.internals});
  pipeline_.Stage(PutJobSpec{uid, spec_bytes});
  AppendStateEvent(job);
  pipeline_.OnDurable(ShowJob{&job, job.latest()});
  if (!args.request_id.empty()) {
    const absl::Time oldest = wall_ - options_.request_id_life;
    PutIdempotency entry{request_scope, args.request_id, std::move(args.request_digest),
                         name,          wall_,           oldest};
    pipeline_.Stage(entry);
    request_ids_.Add(std::move(entry), oldest, static_cast<size_t>(options_.max_request_ids));
  }
  Send(/*refusable=*/true);
  AnswerJob(job, std::move(done));
}

void JobQueue::Accept(JobRecord& job) {
  if (const auto it = programs_.find(job.internals.program); it != programs_.end()) {
    it->second.stored = true;
  }
  if (known_graphs_.size() >= kMostKnownGraphs) known_graphs_.clear();
  known_graphs_.insert(job.current().graph_hash());
  jobs_by_project_[job.project()].emplace(job.internals.create_index, &job);
  ReferArtifactsOf(job);
  metrics_.JobSubmitted(job.queue());
  metrics_.AddJobs(JobRecord::Name(job.state()), job.queue(), 1);
  EnterQueue(job);
}

void JobQueue::Forget(JobRecord& job) {
  if (!job.request_id.empty()) request_ids_.Remove(job.request_scope, job.request_id);
  ReleaseProgram(job);
  CountOpen(job, -1);
  jobs_by_name_.erase(job.name());
  jobs_.erase(std::string(job.uid()));
}

}  // namespace graphkiln::coordinator
