// What operators see of workers and ask of them: list, cordon, drain.
#include <utility>

#include "common/base/status.h"
#include "services/coordinator/core/job_queue_scope.h"
#include "services/coordinator/core/names.h"
#include "services/coordinator/core/time_proto.h"

namespace graphkiln::coordinator {

void JobQueue::PreemptAll(WorkerRecord& worker, std::string reason) {
  const std::vector<std::string> uids(worker.jobs.begin(), worker.jobs.end());
  for (const std::string& uid : uids) {
    JobRecord& job = *jobs_.at(uid);
    if (job.state() == v1::JOB_STATE_RUNNING) {
      Preempt(job, reason);
    } else if (job.state() == v1::JOB_STATE_OFFERED) {
      CloseLease(job, Lease::State::kRevoked, reason);
      Requeue(job, reason);
    }
  }
}

void JobQueue::OperateWorker(std::string_view worker_name, bool cordoned, bool drained,
                             std::function<void(absl::StatusOr<v1::Worker>)> done) {
  const absl::StatusOr<std::string> name = CanonicalWorkerName(worker_name);
  if (!name.ok()) {
    done(name.status());
    return;
  }
  Scope scope(this);
  absl::StatusOr<WorkerRecord*> found = RequireWorker(*name);
  absl::Status status = found.status();
  if (status.ok()) status = StorageHealth();
  if (!status.ok()) {
    RunSoon([done = std::move(done), status] { done(status); });
    return;
  }
  WorkerRecord& worker = **found;
  worker.cordoned = cordoned;
  worker.drained = drained;
  PutWorker put{*name, cordoned, drained};
  operator_wishes_[*name] = put;
  pipeline_.Stage(std::move(put));
  if (drained) PreemptAll(worker, "WORKER_DRAINING: by an operator");
  if (worker.reported() && (worker.state() == WorkerRecord::State::kActive ||
                            worker.state() == WorkerRecord::State::kDraining)) {
    UpdateWorkerState(worker);
  }
  place_ = true;
  v1::Worker answer = Present(worker);
  const uint64_t batch = pipeline_.next_id();
  Flush();
  After(batch, [done = std::move(done), answer = std::move(answer)](const absl::Status& committed) {
    if (!committed.ok()) {
      done(committed);
    } else {
      done(answer);
    }
  });
}

void JobQueue::Cordon(std::string_view worker,
                      std::function<void(absl::StatusOr<v1::Worker>)> done) {
  OperateWorker(worker, /*cordoned=*/true, /*drained=*/false, std::move(done));
}

void JobQueue::Uncordon(std::string_view worker,
                        std::function<void(absl::StatusOr<v1::Worker>)> done) {
  OperateWorker(worker, /*cordoned=*/false, /*drained=*/false, std::move(done));
}

void JobQueue::Drain(std::string_view worker,
                     std::function<void(absl::StatusOr<v1::Worker>)> done) {
  OperateWorker(worker, /*cordoned=*/true, /*drained=*/true, std::move(done));
}

v1::Worker JobQueue::Present(const WorkerRecord& worker) {
  v1::Worker shown;
  shown.set_name(worker.name());
  shown.set_state(WorkerRecord::PublicState(worker.state()));
  shown.set_reason(worker.state() == WorkerRecord::State::kConnecting && worker.reason.empty()
                       ? "CONNECTING: has not reported to this coordinator yet"
                       : worker.reason);
  *shown.mutable_inventory() = worker.inventory;
  shown.set_used_slots(static_cast<int32_t>(worker.jobs.size()));
  for (const std::string& uid : worker.jobs) shown.add_jobs(jobs_.at(uid)->name());
  if (worker.reported()) *shown.mutable_report_time() = ToProto(worker.last_report_wall);
  shown.set_cordoned(worker.cordoned);
  return shown;
}

absl::StatusOr<v1::Worker> JobQueue::GetWorker(std::string_view worker_name) {
  ASSIGN_OR_RETURN(const std::string name, CanonicalWorkerName(worker_name));
  Scope scope(this);
  ASSIGN_OR_RETURN(const WorkerRecord* worker, RequireWorker(name));
  return Present(*worker);
}

std::vector<v1::Worker> JobQueue::ListWorkers(std::string_view after, size_t most) {
  std::vector<v1::Worker> workers;
  Scope scope(this);
  for (auto it = workers_.upper_bound(std::string(after));
       it != workers_.end() && workers.size() < most; ++it) {
    workers.push_back(Present(*it->second));
  }
  return workers;
}

}  // namespace graphkiln::coordinator
