#include "services/worker/daemon/daemon.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "fmt/format.h"
#include "services/worker/daemon/artifact_cache.h"
#include "services/worker/daemon/control_stream.h"
#include "services/worker/daemon/drain_wait.h"
#include "services/worker/daemon/event_publisher.h"
#include "services/worker/daemon/grpc_coordinator.h"
#include "services/worker/daemon/inventory.h"
#include "services/worker/daemon/state_dir.h"
#include "services/worker/daemon/supervisor.h"
#include "services/worker/launch/trainer_pool.h"

namespace graphkiln::worker {
namespace {

/// The first report waits so long for LibTorch; it takes a fraction of a second, on a busy machine
/// more.
constexpr absl::Duration kWarmUp = absl::Seconds(20);

}  // namespace

/// Declared in the order of starting.
struct Daemon::Parts {
  Parts(DaemonOptions daemon_options, Clock& daemon_clock, RandomSource& daemon_random)
      : options(std::move(daemon_options)), clock(daemon_clock), random(daemon_random) {}
  ~Parts();

  void FillReport(bool first, v1::ConnectRequest* report);
  void OnOrders(const v1::ConnectResponse& orders);
  void ReportNow();

  const DaemonOptions options;
  Clock& clock;
  RandomSource& random;
  HostFacts host;
  std::string name;
  std::function<void()> on_ready;
  std::function<void()> on_superseded;
  std::atomic<bool> draining = false;
  std::atomic<bool> inventory_changed = false;
  DrainWait drain;  // used by the thread that drains alone

  std::mutex mu;  // guards the next three
  uint64_t first_active_report = 0;
  bool ready = false;
  ControlStream* reporting = nullptr;

  std::optional<StateDir> state;
  std::unique_ptr<GrpcCoordinator> coordinator;
  std::unique_ptr<ArtifactCache> cache;
  std::unique_ptr<TrainerPool> pool;
  std::unique_ptr<Supervisor> supervisor;
  std::unique_ptr<EventPublisher> publisher;
  std::unique_ptr<ControlStream> control;
};

Daemon::Parts::~Parts() {
  // A last report with what is (not) held, so that nobody waits for this worker's silence.
  if (control != nullptr && control->connected()) {
    control->Finish(absl::Seconds(2));
  }
  {
    std::lock_guard lock(mu);
    reporting = nullptr;
  }
  // Those that call the supervisor end first; it still uses the publisher and the pool while it
  // ends.
  control.reset();
  if (publisher != nullptr) {
    publisher->Stop();
  }
  supervisor.reset();
  publisher.reset();
  pool.reset();
}

void Daemon::Parts::ReportNow() {
  std::lock_guard lock(mu);
  if (reporting != nullptr) {
    reporting->ReportNow();
  }
}

void Daemon::Parts::FillReport(bool first, v1::ConnectRequest* report) {
  const TrainerPool::ParentState parent = pool->state();
  v1::WorkerStatus* status = report->mutable_status();
  if (draining) {
    status->set_state(v1::WorkerStatus::STATE_DRAINING);
    status->set_reason("DRAINING: the worker was told to stop");
  } else if (!parent.ready) {
    status->set_state(v1::WorkerStatus::STATE_UNHEALTHY);
    status->set_reason(fmt::format("TRAINER_NOT_READY: {}",
                                   parent.error.empty() ? "it is starting" : parent.error));
  } else {
    status->set_state(v1::WorkerStatus::STATE_ACTIVE);
    std::lock_guard lock(mu);
    if (first_active_report == 0) {
      first_active_report = report->report_seq();
    }
  }
  if (inventory_changed.exchange(false) || first) {
    *report->mutable_inventory() = MakeInventory(host, options.slots);
    report->mutable_inventory()->set_torch_version(parent.torch_version);
  }
  supervisor->FillHeld(report);
}

void Daemon::Parts::OnOrders(const v1::ConnectResponse& orders) {
  supervisor->OnOrders(orders);
  {
    std::lock_guard lock(mu);
    if (ready || first_active_report == 0 || orders.in_reply_to() < first_active_report) {
      return;
    }
    ready = true;
  }
  on_ready();
}

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(DaemonOptions options, Clock& clock,
                                                      RandomSource& random,
                                                      std::function<void()> on_ready,
                                                      std::function<void()> on_superseded) {
  auto owned = std::make_unique<Parts>(std::move(options), clock, random);
  Parts* parts = owned.get();
  parts->on_ready = std::move(on_ready);
  parts->on_superseded = std::move(on_superseded);
  ASSIGN_OR_RETURN(parts->state, StateDir::Open(parts->options.state_dir));
  ASSIGN_OR_RETURN(parts->name, parts->state->Name(parts->options.name, HostName(), random));
  const std::string resource = "workers/" + parts->name;

  // The parent loads LibTorch while everything else starts.
  parts->pool = std::make_unique<TrainerPool>(TrainerPool::Options(), clock, [parts] {
    parts->inventory_changed = true;
    parts->ReportNow();
  });
  GrpcCoordinator::Options connection;
  connection.endpoint = parts->options.coordinator;
  connection.token = parts->options.token;
  connection.ca = parts->options.ca;
  connection.certificate = parts->options.certificate;
  connection.key = parts->options.key;
  parts->coordinator = std::make_unique<GrpcCoordinator>(std::move(connection), clock);
  ArtifactCache::Options cache;
  cache.folder = parts->state->artifacts();
  cache.max_bytes = parts->options.cache_bytes;
  ASSIGN_OR_RETURN(parts->cache, ArtifactCache::Open(std::move(cache), *parts->coordinator));

  EventOutbox::Options outbox;
  outbox.worker = resource;
  parts->publisher = std::make_unique<EventPublisher>(
      std::move(outbox), *parts->coordinator, clock, random,
      [parts](const LeaseId& id) { parts->supervisor->OnFenced(id); });
  Supervisor::Options supervisor;
  supervisor.table.slots = MakeInventory(parts->host, parts->options.slots).slots();
  supervisor.table.grace = parts->options.grace;
  supervisor.table.drain_deadline = parts->options.drain_deadline;
  supervisor.table.detached_limit = parts->options.detached_limit;
  supervisor.leases_root = parts->state->leases();
  parts->supervisor = std::make_unique<Supervisor>(
      std::move(supervisor),
      Supervisor::Services{*parts->coordinator, *parts->cache, *parts->pool, *parts->publisher,
                           parts->host, clock, random},
      [parts] { parts->ReportNow(); });
  RETURN_IF_ERROR(parts->supervisor->Recover());

  if (!parts->pool->WaitReady(kWarmUp)) {
    KILN_WARN("the trainer is not ready yet; the worker reports itself unhealthy until it is");
  }
  ControlStream::Callbacks callbacks;
  callbacks.fill_report = [parts](bool first, v1::ConnectRequest* report) {
    parts->FillReport(first, report);
  };
  callbacks.on_orders = [parts](const v1::ConnectResponse& orders) { parts->OnOrders(orders); };
  callbacks.on_superseded = [parts](const std::string& message) {
    KILN_ERROR("{}", message);
    parts->on_superseded();
  };
  parts->control = std::make_unique<ControlStream>(resource, NewUid(random), *parts->coordinator,
                                                   clock, random, std::move(callbacks));
  {
    std::lock_guard lock(parts->mu);
    parts->reporting = parts->control.get();
  }
  return std::unique_ptr<Daemon>(new Daemon(std::move(owned)));
}

Daemon::~Daemon() = default;

const std::string& Daemon::name() const { return parts_->name; }

void Daemon::Drain() {
  parts_->draining = true;
  parts_->drain.Begin(parts_->clock.Monotonic(), parts_->options.drain_deadline);
  parts_->supervisor->Drain();
}

bool Daemon::WaitDrained(absl::Duration timeout) {
  const absl::Duration deadline = parts_->clock.Monotonic() + timeout;
  while (true) {
    const absl::Duration now = parts_->clock.Monotonic();
    const absl::Duration left = std::min(deadline - now, absl::Milliseconds(100));
    if (parts_->supervisor->WaitIdle(/*active_only=*/false, std::max(left, absl::ZeroDuration()))) {
      return true;
    }
    // Results that cannot be handed over now are on disk and wait for the next start.
    const bool active = !parts_->supervisor->WaitIdle(/*active_only=*/true, absl::ZeroDuration());
    if (parts_->drain.GivesUp(now, parts_->control->connected(), active)) {
      KILN_WARN("the coordinator is gone; ending{}",
                active ? " without the results of what still runs" : "");
      return true;
    }
    if (now >= deadline) {
      return false;
    }
  }
}

}  // namespace graphkiln::worker
