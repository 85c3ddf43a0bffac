#include "services/worker/daemon/supervisor.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"

namespace graphkiln::worker {

Supervisor::Supervisor(Options options, Services services, std::function<void()> on_change)
    : options_(std::move(options)),
      services_(services),
      on_change_(std::move(on_change)),
      table_(options_.table, services.clock.Monotonic()),
      thread_([this] { Housekeep(); }) {}

Supervisor::~Supervisor() {
  std::map<LeaseId, std::unique_ptr<LeaseRunner>> runners;
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
    runners.swap(runners_);
  }
  changed_.notify_all();
  thread_.join();
  runners.clear();  // each kills its trainer and waits; their last calls find empty maps
  done_.clear();
}

LeaseRunner::Services Supervisor::RunnerServices() {
  LeaseRunner::Services runner{
      services_.api,  services_.cache, services_.pool,   services_.events,    *this,
      services_.host, services_.clock, services_.random, options_.leases_root};
  runner.first_pause = options_.first_pause;
  return runner;
}

absl::Status Supervisor::Recover() {
  ASSIGN_OR_RETURN(auto ends, LeaseFolder::Recover(options_.leases_root));
  std::lock_guard lock(mu_);
  for (auto& [folder, end] : ends) {
    const LeaseId id{end.finish.job(), end.finish.lease_epoch()};
    KILN_INFO("{}: a result of an earlier process waits to be handed over", ToString(id));
    table_.Restore(id, end.finish.step());
    runners_[id] =
        std::make_unique<LeaseRunner>(RunnerServices(), id, std::move(folder), std::move(end));
  }
  return absl::OkStatus();
}

void Supervisor::Carry(std::vector<LeaseAction> actions) {
  for (LeaseAction& action : actions) {
    if (action.kind == LeaseAction::Kind::kStart) {
      KILN_INFO("{}: accepted, attempt {}", ToString(action.id), action.spec.attempt());
      runners_[action.id] =
          std::make_unique<LeaseRunner>(RunnerServices(), action.id, std::move(action.spec));
      continue;
    }
    const auto it = runners_.find(action.id);
    if (it == runners_.end()) {
      continue;
    }
    LeaseRunner& runner = *it->second;
    switch (action.kind) {
      case LeaseAction::Kind::kFinishEarly:
        runner.Stop(StopKind::kFinishEarly);
        break;
      case LeaseAction::Kind::kCheckpoint:
        KILN_INFO("{}: to be checkpointed and given back", ToString(action.id));
        runner.Stop(StopKind::kCheckpoint);
        break;
      case LeaseAction::Kind::kCancel:
        KILN_INFO("{}: to be stopped", ToString(action.id));
        runner.Stop(StopKind::kCancel);
        break;
      case LeaseAction::Kind::kTerminate:
        runner.Signal(table_.stop(action.id), SIGTERM);
        break;
      case LeaseAction::Kind::kKill:
        KILN_WARN("{}: the trainer is killed, its time to obey is over", ToString(action.id));
        runner.Signal(table_.stop(action.id), SIGKILL);
        break;
      case LeaseAction::Kind::kFence:
        KILN_WARN("{}: the lease is no longer open", ToString(action.id));
        runner.Fence();
        break;
      case LeaseAction::Kind::kStart:
        break;
    }
  }
}

void Supervisor::OnOrders(const v1::ConnectResponse& orders) {
  bool report;
  {
    std::lock_guard lock(mu_);
    if (stopping_) {
      return;
    }
    const int refused = table_.refused();
    std::vector<LeaseAction> actions = table_.OnOrders(orders, services_.clock.Monotonic());
    // What was taken or refused is echoed at once; what stops reports when its phase changes below.
    report = !actions.empty() || table_.refused() > refused;
    Carry(std::move(actions));
  }
  changed_.notify_all();
  if (report) {
    on_change_();
  }
}

void Supervisor::Drain() {
  {
    std::lock_guard lock(mu_);
    Carry(table_.OnDrain(services_.clock.Monotonic()));
  }
  changed_.notify_all();
  on_change_();
}

void Supervisor::FillHeld(v1::ConnectRequest* report) const {
  std::vector<v1::HeldLease> held;
  {
    std::lock_guard lock(mu_);
    held = table_.Held();
  }
  for (v1::HeldLease& lease : held) {
    lease.set_last_event_seq(services_.events.last_seq({lease.job(), lease.lease_epoch()}));
    *report->add_held() = std::move(lease);
  }
}

bool Supervisor::WaitIdle(bool active_only, absl::Duration timeout) const {
  std::unique_lock lock(mu_);
  return changed_.wait_for(lock, absl::ToChronoMilliseconds(timeout),
                           [&] { return active_only ? table_.active() == 0 : table_.idle(); });
}

void Supervisor::OnTrainerStarted(const LeaseId& id) {
  {
    std::lock_guard lock(mu_);
    table_.OnTrainerStarted(id);
  }
  on_change_();
}

void Supervisor::OnStep(const LeaseId& id, int64_t step) {
  std::lock_guard lock(mu_);
  table_.OnStep(id, step);
}

void Supervisor::OnEnded(const LeaseId& id) {
  {
    std::lock_guard lock(mu_);
    table_.OnEnded(id);
  }
  changed_.notify_all();
  on_change_();
}

void Supervisor::OnFenced(const LeaseId& id) {
  {
    std::lock_guard lock(mu_);
    Carry(table_.OnFenced(id));
  }
  on_change_();
}

void Supervisor::OnClosed(const LeaseId& id) {
  {
    std::lock_guard lock(mu_);
    table_.OnClosed(id);
    if (const auto it = runners_.find(id); it != runners_.end()) {
      done_.push_back(std::move(it->second));
      runners_.erase(it);
    }
  }
  changed_.notify_all();
  on_change_();
}

void Supervisor::Housekeep() {
  std::unique_lock lock(mu_);
  while (!stopping_) {
    Carry(table_.OnTick(services_.clock.Monotonic()));
    if (!done_.empty()) {
      // Joined without the lock, as their last call may still be on its way out.
      std::vector<std::unique_ptr<LeaseRunner>> done;
      done.swap(done_);
      lock.unlock();
      done.clear();
      lock.lock();
      continue;
    }
    const absl::Duration wait = std::clamp(table_.NextDeadline() - services_.clock.Monotonic(),
                                           absl::Milliseconds(1), absl::Seconds(1));
    changed_.wait_for(lock, absl::ToChronoMilliseconds(wait));
  }
}

}  // namespace graphkiln::worker
