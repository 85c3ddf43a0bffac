#include "services/coordinator/core/job_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "common/base/status.h"

namespace graphkiln::coordinator {

bool operator<(const JobNeeds& a, const JobNeeds& b) {
  return std::tie(a.device, a.devices, a.memory_bytes, a.cores) <
         std::tie(b.device, b.devices, b.memory_bytes, b.cores);
}

JobRecord::JobRecord(std::string project, std::shared_ptr<const v1::Job> job,
                     std::shared_ptr<const std::string> spec, const v1::JobSpec& parsed,
                     JobInternals internals)
    : internals(std::move(internals)),
      uid_(job->uid()),
      name_(job->name()),
      project_(std::move(project)),
      queue_(parsed.queue().empty() ? "default" : parsed.queue()),
      priority_(std::clamp(parsed.priority(), -1000, 1000)),
      checkpoint_policy_(parsed.checkpoint()),
      spec_(std::move(spec)),
      latest_(std::move(job)) {
  const v1::Resources& resources = parsed.resources();
  if (!resources.device().empty()) needs_.device = resources.device();
  needs_.devices = std::max(resources.devices(), 1);
  needs_.cores = std::max(resources.cores(), 1);
  needs_.memory_bytes =
      resources.memory_bytes() > 0 ? resources.memory_bytes() : latest_->estimate().peak_bytes();
  if (parsed.has_max_retries()) max_retries_ = parsed.max_retries();
  const v1::DataSpec& data = parsed.data();
  for (const v1::FileSource* file : {&data.csv(), &data.npy(), &data.npz(), &data.safetensors(),
                                     &data.idx(), &data.images(), &parsed.weights().file()}) {
    if (!file->artifact().empty()) spec_artifacts_.push_back(file->artifact());
  }
}

bool JobRecord::IsLegal(State from, State to) {
  switch (from) {
    case v1::JOB_STATE_QUEUED:
      return to == v1::JOB_STATE_OFFERED || to == v1::JOB_STATE_PAUSED ||
             to == v1::JOB_STATE_CANCELLED;
    case v1::JOB_STATE_OFFERED:
      return to == v1::JOB_STATE_RUNNING || to == v1::JOB_STATE_QUEUED ||
             to == v1::JOB_STATE_CANCELLING || to == v1::JOB_STATE_FAILED;
    case v1::JOB_STATE_RUNNING:
      return to == v1::JOB_STATE_SUCCEEDED || to == v1::JOB_STATE_FAILED ||
             to == v1::JOB_STATE_BACKOFF || to == v1::JOB_STATE_CANCELLING ||
             to == v1::JOB_STATE_PREEMPTING || to == v1::JOB_STATE_QUEUED;
    case v1::JOB_STATE_PREEMPTING:
      return to == v1::JOB_STATE_QUEUED || to == v1::JOB_STATE_PAUSED ||
             to == v1::JOB_STATE_FAILED || to == v1::JOB_STATE_CANCELLING ||
             to == v1::JOB_STATE_SUCCEEDED;
    case v1::JOB_STATE_PAUSED:
      return to == v1::JOB_STATE_QUEUED || to == v1::JOB_STATE_CANCELLED;
    case v1::JOB_STATE_CANCELLING:
      return to == v1::JOB_STATE_CANCELLED;
    case v1::JOB_STATE_BACKOFF:
      return to == v1::JOB_STATE_QUEUED || to == v1::JOB_STATE_PAUSED ||
             to == v1::JOB_STATE_CANCELLED;
    default:
      return false;
  }
}

bool JobRecord::IsTerminal(State state) {
  return state == v1::JOB_STATE_SUCCEEDED || state == v1::JOB_STATE_FAILED ||
         state == v1::JOB_STATE_CANCELLED;
}

std::string_view JobRecord::Name(State state) {
  constexpr std::string_view kPrefix = "JOB_STATE_";
  const std::string& full = v1::JobState_Name(state);
  return full.size() > kPrefix.size() ? std::string_view(full).substr(kPrefix.size()) : "UNKNOWN";
}

v1::JobSpec JobRecord::ParseSpec() const {
  v1::JobSpec spec;
  if (!spec.ParseFromString(*spec_)) GRAPHKILN_BUG("job.spec", uid_);
  return spec;
}

v1::Job& JobRecord::Draft() {
  if (draft_ == nullptr) draft_ = std::make_unique<v1::Job>(*latest_);
  return *draft_;
}

std::shared_ptr<const v1::Job> JobRecord::Freeze() {
  if (draft_ != nullptr) latest_ = std::shared_ptr<const v1::Job>(std::move(draft_));
  return latest_;
}

bool JobRecord::TransitionTo(State to) {
  if (!IsLegal(state(), to)) {
    GRAPHKILN_BUG("job.transition", fmt::format("{}: {} -> {}", name_, Name(state()), Name(to)));
    return false;
  }
  Draft().set_state(to);
  return true;
}

}  // namespace graphkiln::coordinator
