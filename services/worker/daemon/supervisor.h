// The daemon's middle: feeds the lease table with orders, ends and time, and carries its actions
// out on the lease runners. One housekeeping thread watches deadlines and joins runners that are
// done. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "services/worker/daemon/lease_runner.h"
#include "services/worker/daemon/lease_table.h"

namespace graphkiln::worker {

class Supervisor final : public LeaseListener {
 public:
  struct Options {
    LeaseTable::Options table;
    std::string leases_root;
    absl::Duration first_pause = absl::Milliseconds(500);
  };
  struct Services {
    CoordinatorApi& api;
    ArtifactCache& cache;
    TrainerPool& pool;
    EventSink& events;
    const HostFacts& host;
    Clock& clock;
    RandomSource& random;
  };

  /// `on_change` is called (no locks held) whenever the coordinator should get a report soon.
  Supervisor(Options options, Services services, std::function<void()> on_change);
  /// Kills all trainers; results that were not handed over stay on disk.
  ~Supervisor() override;

  /// Takes over the results that earlier processes left. Before anything else.
  absl::Status Recover();

  void OnOrders(const v1::ConnectResponse& orders);
  /// Takes nothing new; what still runs at the drain deadline is checkpointed and given back.
  void Drain();
  /// Everything that is held, for a report.
  void FillHeld(v1::ConnectRequest* report) const;
  /// Waits until nothing is held (with `active_only`: until no trainer runs); false after
  /// `timeout`.
  bool WaitIdle(bool active_only, absl::Duration timeout) const;

  void OnTrainerStarted(const LeaseId& id) override;
  void OnStep(const LeaseId& id, int64_t step) override;
  void OnEnded(const LeaseId& id) override;
  void OnFenced(const LeaseId& id) override;
  void OnClosed(const LeaseId& id) override;

 private:
  LeaseRunner::Services RunnerServices();
  /// REQUIRES: mu_ is held.
  void Carry(std::vector<LeaseAction> actions);
  void Housekeep();

  const Options options_;
  const Services services_;
  const std::function<void()> on_change_;

  mutable std::mutex mu_;  // guards all below
  mutable std::condition_variable changed_;
  LeaseTable table_;
  std::map<LeaseId, std::unique_ptr<LeaseRunner>> runners_;
  std::vector<std::unique_ptr<LeaseRunner>> done_;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace graphkiln::worker
