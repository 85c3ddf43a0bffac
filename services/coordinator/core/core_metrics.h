// What the state machines count. Defined where the transitions happen; rpc/ and gateway/ implement
// it with prometheus-cpp (`product.md` section 4 gives the names). Called under the queue's lock:
// an implementation returns in nanoseconds and never calls back. Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace graphkiln::coordinator {

class CoreMetrics {
 public:
  virtual ~CoreMetrics() = default;
  /// jobs{state,queue}: gauge, by `delta`.
  virtual void AddJobs(std::string_view state, std::string_view queue, int64_t delta) = 0;
  /// jobs_submitted_total{queue}
  virtual void JobSubmitted(std::string_view queue) = 0;
  /// jobs_finished_total{queue,result,reason}; `reason` is the stable word only.
  virtual void JobFinished(std::string_view queue, std::string_view result,
                           std::string_view reason) = 0;
  /// job_queue_wait_seconds: from queued to offered.
  virtual void QueueWait(double seconds) = 0;
  /// job_startup_seconds{phase}: `schedule` (accepted to offer durable), `dispatch` (offer durable
  /// to echoed), `first_step` (accepted to first loss stored).
  virtual void Startup(std::string_view phase, double seconds) = 0;
  /// job_run_seconds: of one lease, from its echo to its end.
  virtual void RunSeconds(double seconds) = 0;
  /// lease_transitions_total{from,to}
  virtual void LeaseTransition(std::string_view from, std::string_view to) = 0;
  /// lease_fenced_writes_total
  virtual void LeaseFencedWrite() = 0;
  /// workers{state}: gauge, by `delta`.
  virtual void AddWorkers(std::string_view state, int64_t delta) = 0;
  /// metric_points_ingested_total
  virtual void PointsIngested(int64_t count) = 0;
  /// metric_points_dropped_total
  virtual void PointsDropped(int64_t count) = 0;
  /// metric_watchers: gauge, by `delta`.
  virtual void AddWatchers(int64_t delta) = 0;
  /// checkpoint_bytes_total
  virtual void CheckpointCommitted(int64_t bytes) = 0;
};

/// Counts nothing.
class NullCoreMetrics final : public CoreMetrics {
 public:
  void AddJobs(std::string_view, std::string_view, int64_t) override {}
  void JobSubmitted(std::string_view) override {}
  void JobFinished(std::string_view, std::string_view, std::string_view) override {}
  void QueueWait(double) override {}
  void Startup(std::string_view, double) override {}
  void RunSeconds(double) override {}
  void LeaseTransition(std::string_view, std::string_view) override {}
  void LeaseFencedWrite() override {}
  void AddWorkers(std::string_view, int64_t) override {}
  void PointsIngested(int64_t) override {}
  void PointsDropped(int64_t) override {}
  void AddWatchers(int64_t) override {}
  void CheckpointCommitted(int64_t) override {}
};

}  // namespace graphkiln::coordinator
