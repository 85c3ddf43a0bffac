// What users see and ask for: Get, List, and the four verbs.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/base/status.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/job_queue_scope.h"
#include "services/coordinator/core/names.h"
#include "services/coordinator/core/page_bytes.h"

namespace graphkiln::coordinator {
namespace {

constexpr int32_t kDefaultPageSize = 50;
constexpr int32_t kMostPageSize = 1'000;

// What a page token is bound to, so that it cannot be used with another question.
std::string ListPurpose(const ListArgs& args, std::string_view project) {
  std::string purpose = fmt::format("jobs/{}", project);
  for (const v1::JobState state : args.states)
    purpose += fmt::format("/{}", static_cast<int>(state));
  return purpose;
}

}  // namespace

absl::StatusOr<v1::Job> JobQueue::Get(std::string_view name) {
  ASSIGN_OR_RETURN(const std::string canonical, CanonicalJobName(name));
  JobView view;
  {
    Scope scope(this);
    ASSIGN_OR_RETURN(const JobRecord* job, RequireJob(canonical));
    view = View(*job, job->visible());
  }
  return view.Compose();
}

absl::StatusOr<JobPage> JobQueue::List(const ListArgs& args) {
  ASSIGN_OR_RETURN(const std::string project, ParseParent(args.project));
  if (args.page_size < 0) return FieldError("page_size", "is negative");
  const size_t size = static_cast<size_t>(
      args.page_size == 0 ? kDefaultPageSize : std::min(args.page_size, kMostPageSize));
  const std::string purpose = ListPurpose(args, project);
  int64_t before = std::numeric_limits<int64_t>::max();
  if (!args.page_token.empty()) {
    ASSIGN_OR_RETURN(const std::string payload, sealer_->Open(purpose, args.page_token));
    const char* end = payload.data() + payload.size();
    if (std::from_chars(payload.data(), end, before).ptr != end) {
      return TokenError("the page token is malformed");
    }
  }
  JobPage page;
  std::vector<JobView> views;
  std::vector<int64_t> keys;  // of the views
  {
    Scope scope(this);
    const auto jobs = jobs_by_project_.find(project);
    if (jobs == jobs_by_project_.end()) return page;
    ReasonCache reasons;
    // Newest first: the key after `before` in descending order.
    for (auto it = jobs->second.upper_bound(before); it != jobs->second.end(); ++it) {
      const JobRecord& job = *it->second;
      if (job.visible() == nullptr) continue;
      if (!args.states.empty() && std::find(args.states.begin(), args.states.end(),
                                            job.visible()->state()) == args.states.end()) {
        continue;
      }
      if (views.size() == size) {
        page.next_page_token = sealer_->Seal(purpose, fmt::format("{}", keys.back()));
        break;
      }
      keys.push_back(it->first);
      views.push_back(View(job, job.visible(), &reasons));
    }
  }
  page.jobs.reserve(views.size());
  PageBytes bytes;
  for (size_t i = 0; i < views.size(); ++i) {
    v1::Job job = views[i].Compose();
    if (!bytes.Take(job.ByteSizeLong())) {
      page.next_page_token = sealer_->Seal(purpose, fmt::format("{}", keys[i - 1]));
      break;
    }
    page.jobs.push_back(std::move(job));
  }
  return page;
}

void JobQueue::ChangeJob(std::string_view name, JobCallback done,
                         const std::function<absl::Status(JobRecord&)>& change) {
  const absl::StatusOr<std::string> canonical = CanonicalJobName(name);
  if (!canonical.ok()) {
    done(canonical.status());
    return;
  }
  Scope scope(this);
  absl::StatusOr<JobRecord*> job = RequireJob(*canonical);
  absl::Status status = job.status();
  if (status.ok()) status = StorageHealth();
  if (status.ok()) status = change(**job);
  if (!status.ok()) {
    RunSoon([done = std::move(done), status] { done(status); });
    return;
  }
  Flush();
  AnswerJob(**job, std::move(done));
}

void JobQueue::Cancel(std::string_view name, std::optional<absl::Duration> grace,
                      JobCallback done) {
  const absl::Duration wait =
      std::clamp(grace.value_or(options_.stop_grace), absl::ZeroDuration(), kMostCancelGrace);
  ChangeJob(name, std::move(done), [&](JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    switch (job.state()) {
      case v1::JOB_STATE_CANCELLED:
        return absl::OkStatus();
      case v1::JOB_STATE_SUCCEEDED:
      case v1::JOB_STATE_FAILED:
        return WrongStateError("cancel", job.name(), JobRecord::Name(job.state()));
      case v1::JOB_STATE_CANCELLING:
        if (wait < job.stop_grace) BeginStop(job, wait);
        return absl::OkStatus();
      default:
        break;
    }
    Edit(job).set_intent(v1::JOB_INTENT_CANCEL);
    constexpr std::string_view kReason = "CANCELLED: by the user";
    if (job.state() == v1::JOB_STATE_OFFERED) {
      // Nobody has echoed it: if the worker has just taken it, its next report gets no order.
      SetState(job, v1::JOB_STATE_CANCELLING, std::string(kReason));
      CloseLease(job, Lease::State::kRevoked, std::string(kReason));
      EndJob(job, v1::JOB_STATE_CANCELLED, std::string(kReason));
    } else if (job.leased()) {
      SetState(job, v1::JOB_STATE_CANCELLING, std::string(kReason));
      BeginStop(job, wait);
    } else {
      EndJob(job, v1::JOB_STATE_CANCELLED, std::string(kReason));
    }
    return absl::OkStatus();
  });
}

void JobQueue::Pause(std::string_view name, JobCallback done) {
  ChangeJob(name, std::move(done), [&](JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    constexpr std::string_view kReason = "PAUSED: by the user";
    switch (job.state()) {
      case v1::JOB_STATE_PAUSED:
        return absl::OkStatus();
      case v1::JOB_STATE_QUEUED:
      case v1::JOB_STATE_BACKOFF:
        Edit(job).set_intent(v1::JOB_INTENT_PAUSE);
        LeaveQueue(job);
        deadlines_.Cancel(TimerKind::kBackoff, job.uid());
        SetState(job, v1::JOB_STATE_PAUSED, std::string(kReason));
        return absl::OkStatus();
      case v1::JOB_STATE_OFFERED:
        Edit(job).set_intent(v1::JOB_INTENT_PAUSE);
        CloseLease(job, Lease::State::kRevoked, std::string(kReason));
        Requeue(job, std::string(kReason));
        return absl::OkStatus();
      case v1::JOB_STATE_RUNNING:
        Edit(job).set_intent(v1::JOB_INTENT_PAUSE);
        Preempt(job, std::string(kReason));
        return absl::OkStatus();
      case v1::JOB_STATE_PREEMPTING:
        Edit(job).set_intent(v1::JOB_INTENT_PAUSE);
        job.must_store = true;
        return absl::OkStatus();
      default:
        return WrongStateError("pause", job.name(), JobRecord::Name(job.state()));
    }
  });
}

void JobQueue::Resume(std::string_view name, JobCallback done) {
  ChangeJob(name, std::move(done), [&](JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (job.terminal() || job.state() == v1::JOB_STATE_CANCELLING) {
      return WrongStateError("resume", job.name(), JobRecord::Name(job.state()));
    }
    if (job.current().intent() == v1::JOB_INTENT_PAUSE) {
      // A job that is still giving its lease back goes on as soon as it has.
      Edit(job).set_intent(v1::JOB_INTENT_UNSPECIFIED);
      job.must_store = true;
    }
    if (job.state() == v1::JOB_STATE_PAUSED) {
      SetState(job, v1::JOB_STATE_QUEUED, "");
      EnterQueue(job);
    }
    return absl::OkStatus();
  });
}

void JobQueue::Stop(std::string_view name, JobCallback done) {
  ChangeJob(name, std::move(done), [&](JobRecord& job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (job.state() == v1::JOB_STATE_SUCCEEDED && job.current().stopped_early()) {
      return absl::OkStatus();
    }
    if (job.terminal() || job.state() == v1::JOB_STATE_CANCELLING) {
      return WrongStateError("stop", job.name(), JobRecord::Name(job.state()));
    }
    if (job.current().intent() == v1::JOB_INTENT_STOP) return absl::OkStatus();
    Edit(job).set_intent(v1::JOB_INTENT_STOP);
    job.must_store = true;
    if (job.state() == v1::JOB_STATE_PAUSED) {
      // It needs a lease to write its result.
      SetState(job, v1::JOB_STATE_QUEUED, "");
      EnterQueue(job);
    } else if (job.state() == v1::JOB_STATE_OFFERED || job.state() == v1::JOB_STATE_RUNNING) {
      StageOrder(job);
    }
    return absl::OkStatus();
  });
}

}  // namespace graphkiln::coordinator
