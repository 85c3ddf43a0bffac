// The coordinator's Prometheus metrics (`product.md` section 4). Implements what the core counts.
//
// Values of labels that users choose (queue, reason words) are bounded: what comes beyond the first
// hundred counts as `other`. Thread-safe; every call is a lookup under a short lock and an atomic
// add.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/base/strings.h"
#include "prometheus/collectable.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "services/coordinator/core/core_metrics.h"

namespace graphkiln::coordinator {

/// 1 ms to 10 min.
const prometheus::Histogram::BucketBoundaries& LatencyBuckets();

/// Counters (gauges, ...) of one family by label values; each made once.
template <class T>
class LabelledMetric {
 public:
  LabelledMetric(prometheus::Family<T>& family, std::vector<std::string> labels)
      : family_(family), labels_(std::move(labels)) {}
  /// As many values as labels; `extra` is passed on to the metric's constructor.
  template <class... Extra>
  T& Get(std::initializer_list<std::string_view> values, const Extra&... extra) {
    std::string key;
    for (const std::string_view value : values) key.append(value).push_back('\0');
    std::lock_guard lock(mu_);
    const auto it = made_.find(key);
    if (it != made_.end()) return *it->second;
    prometheus::Labels labels;
    size_t i = 0;
    for (const std::string_view value : values) {
      labels[labels_[i++]] = made_.size() < kMost ? std::string(value) : "other";
    }
    T& metric = family_.Add(labels, extra...);
    if (made_.size() < 2 * kMost) made_[key] = &metric;
    return metric;
  }

 private:
  static constexpr size_t kMost = 500;
  prometheus::Family<T>& family_;
  const std::vector<std::string> labels_;
  std::mutex mu_;
  StringMap<T*> made_;  // guarded by mu_
};

class Metrics final : public CoreMetrics {
 public:
  explicit Metrics(std::string_view version);

  prometheus::Registry& registry() { return *registry_; }
  /// The exposition text of everything.
  std::string Render() const;

  void AddJobs(std::string_view state, std::string_view queue, int64_t delta) override;
  void JobSubmitted(std::string_view queue) override;
  void JobFinished(std::string_view queue, std::string_view result,
                   std::string_view reason) override;
  void QueueWait(double seconds) override;
  void Startup(std::string_view phase, double seconds) override;
  void RunSeconds(double seconds) override;
  void LeaseTransition(std::string_view from, std::string_view to) override;
  void LeaseFencedWrite() override;
  void AddWorkers(std::string_view state, int64_t delta) override;
  void PointsIngested(int64_t count) override;
  void PointsDropped(int64_t count) override;
  void AddWatchers(int64_t delta) override;
  void CheckpointCommitted(int64_t bytes) override;

  /// grpc_connections{port}, grpc_connections_refused_total{port}.
  void SetConnections(std::string_view port, int open);
  void ConnectionRefused(std::string_view port);
  /// graph_validate_seconds, codegen_seconds{backend}.
  void GraphValidated(double seconds);
  void CodeGenerated(std::string_view backend, double seconds);

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  std::shared_ptr<prometheus::Collectable> process_;
  LabelledMetric<prometheus::Gauge> jobs_;
  LabelledMetric<prometheus::Counter> submitted_;
  LabelledMetric<prometheus::Counter> finished_;
  prometheus::Histogram& queue_wait_;
  LabelledMetric<prometheus::Histogram> startup_;
  prometheus::Histogram& run_;
  LabelledMetric<prometheus::Counter> transitions_;
  prometheus::Counter& fenced_;
  LabelledMetric<prometheus::Gauge> workers_;
  prometheus::Counter& ingested_;
  prometheus::Counter& dropped_;
  prometheus::Gauge& watchers_;
  prometheus::Counter& checkpoint_bytes_;
  LabelledMetric<prometheus::Gauge> connections_;
  LabelledMetric<prometheus::Counter> refused_;
  prometheus::Histogram& validate_;
  LabelledMetric<prometheus::Histogram> codegen_;
};

}  // namespace graphkiln::coordinator
