#include "services/coordinator/rpc/metrics.h"

#include "prometheus/text_serializer.h"
#include "services/coordinator/rpc/process_metrics.h"

namespace graphkiln::coordinator {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Registry;

prometheus::Family<prometheus::Counter>& Counters(Registry& registry, const std::string& name,
                                                  const std::string& help) {
  return BuildCounter().Name("graphkiln_" + name).Help(help).Register(registry);
}
prometheus::Family<prometheus::Gauge>& Gauges(Registry& registry, const std::string& name,
                                              const std::string& help) {
  return BuildGauge().Name("graphkiln_" + name).Help(help).Register(registry);
}
prometheus::Family<prometheus::Histogram>& Histograms(Registry& registry, const std::string& name,
                                                      const std::string& help) {
  return BuildHistogram().Name("graphkiln_" + name).Help(help).Register(registry);
}

}  // namespace

const prometheus::Histogram::BucketBoundaries& LatencyBuckets() {
  static const auto* buckets = new prometheus::Histogram::BucketBoundaries{
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
      1,     2.5,    5,     10,   25,    60,   120, 300,  600};
  return *buckets;
}

Metrics::Metrics(std::string_view version)
    : registry_(std::make_shared<Registry>()),
      process_(std::make_shared<ProcessMetrics>()),
      jobs_(Gauges(*registry_, "jobs", "Jobs by state and queue."), {"state", "queue"}),
      submitted_(Counters(*registry_, "jobs_submitted_total", "Accepted jobs."), {"queue"}),
      finished_(Counters(*registry_, "jobs_finished_total", "Jobs that ended."),
                {"queue", "result", "reason"}),
      queue_wait_(
          Histograms(*registry_, "job_queue_wait_seconds", "Time a job waited for an offer.")
              .Add({}, LatencyBuckets())),
      startup_(Histograms(*registry_, "job_startup_seconds", "Phases of a job's start."),
               {"phase"}),
      run_(Histograms(*registry_, "job_run_seconds", "Time of one lease from its start to its end.")
               .Add({}, LatencyBuckets())),
      transitions_(Counters(*registry_, "lease_transitions_total", "Changes of lease states."),
                   {"from", "to"}),
      fenced_(Counters(*registry_, "lease_fenced_writes_total",
                       "Writes refused because their lease is not open.")
                  .Add({})),
      workers_(Gauges(*registry_, "workers", "Workers by state."), {"state"}),
      ingested_(
          Counters(*registry_, "metric_points_ingested_total", "Stored metric points.").Add({})),
      dropped_(Counters(*registry_, "metric_points_dropped_total",
                        "Metric points that workers dropped or merged.")
                   .Add({})),
      watchers_(Gauges(*registry_, "metric_watchers", "Open readers of job logs.").Add({})),
      checkpoint_bytes_(
          Counters(*registry_, "checkpoint_bytes_total", "Bytes of committed checkpoints.")
              .Add({})),
      connections_(Gauges(*registry_, "grpc_connections", "Open gRPC connections."), {"port"}),
      refused_(Counters(*registry_, "grpc_connections_refused_total",
                        "Connections beyond the bound of a port."),
               {"port"}),
      validate_(Histograms(*registry_, "graph_validate_seconds", "Time to validate a graph.")
                    .Add({}, LatencyBuckets())),
      codegen_(Histograms(*registry_, "codegen_seconds", "Time to generate code."), {"backend"}) {
  Gauges(*registry_, "build_info", "Version of the coordinator; always 1.")
      .Add({{"version", std::string(version)}})
      .Set(1);
}

std::string Metrics::Render() const {
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  for (prometheus::MetricFamily& family : process_->Collect()) {
    families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

void Metrics::AddJobs(std::string_view state, std::string_view queue, int64_t delta) {
  jobs_.Get({state, queue}).Increment(static_cast<double>(delta));
}

void Metrics::JobSubmitted(std::string_view queue) { submitted_.Get({queue}).Increment(); }

void Metrics::JobFinished(std::string_view queue, std::string_view result,
                          std::string_view reason) {
  finished_.Get({queue, result, reason}).Increment();
}

void Metrics::QueueWait(double seconds) { queue_wait_.Observe(seconds); }

void Metrics::Startup(std::string_view phase, double seconds) {
  startup_.Get({phase}, LatencyBuckets()).Observe(seconds);
}

void Metrics::RunSeconds(double seconds) { run_.Observe(seconds); }

void Metrics::LeaseTransition(std::string_view from, std::string_view to) {
  transitions_.Get({from, to}).Increment();
}

void Metrics::LeaseFencedWrite() { fenced_.Increment(); }

void Metrics::AddWorkers(std::string_view state, int64_t delta) {
  workers_.Get({state}).Increment(static_cast<double>(delta));
}

void Metrics::SetConnections(std::string_view port, int open) {
  connections_.Get({port}).Set(open);
}

void Metrics::ConnectionRefused(std::string_view port) { refused_.Get({port}).Increment(); }

void Metrics::PointsIngested(int64_t count) { ingested_.Increment(static_cast<double>(count)); }

void Metrics::PointsDropped(int64_t count) { dropped_.Increment(static_cast<double>(count)); }

void Metrics::AddWatchers(int64_t delta) { watchers_.Increment(static_cast<double>(delta)); }

void Metrics::CheckpointCommitted(int64_t bytes) {
  checkpoint_bytes_.Increment(static_cast<double>(bytes));
}

void Metrics::GraphValidated(double seconds) { validate_.Observe(seconds); }

void Metrics::CodeGenerated(std::string_view backend, double seconds) {
  codegen_.Get({backend}, LatencyBuckets()).Observe(seconds);
}

}  // namespace graphkiln::coordinator
