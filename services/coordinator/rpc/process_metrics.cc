#include "services/coordinator/rpc/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace graphkiln::coordinator {
namespace {

constexpr uint64_t kProcFileLimit = 64 * 1024;

prometheus::MetricFamily Family(std::string name, std::string help, prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  return family;
}

prometheus::MetricFamily Gauge(std::string name, std::string help, double value) {
  prometheus::MetricFamily family =
      Family(std::move(name), std::move(help), prometheus::MetricType::Gauge);
  prometheus::ClientMetric metric;
  metric.gauge.value = value;
  family.metric.push_back(metric);
  return family;
}

prometheus::ClientMetric CounterMetric(double value) {
  prometheus::ClientMetric metric;
  metric.counter.value = value;
  return metric;
}

double SecondsOf(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  std::vector<prometheus::MetricFamily> families;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    families.push_back(Family("process_cpu_seconds_total", "User and system CPU time.",
                              prometheus::MetricType::Counter));
    families.back().metric.push_back(
        CounterMetric(SecondsOf(usage.ru_utime) + SecondsOf(usage.ru_stime)));
  }
  if (const auto statm = ReadFile("/proc/self/statm", kProcFileLimit); statm.ok()) {
    const std::vector<std::string_view> pages = SplitView(*statm, ' ');
    const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
    if (pages.size() > 1) {
      families.push_back(Gauge("process_virtual_memory_bytes", "Virtual memory.",
                               std::atof(std::string(pages[0]).c_str()) * page));
      families.push_back(Gauge("process_resident_memory_bytes", "Resident memory.",
                               std::atof(std::string(pages[1]).c_str()) * page));
    }
  }
  if (const auto open = ListDir("/proc/self/fd"); open.ok()) {
    families.push_back(
        Gauge("process_open_fds", "Open file descriptors.", static_cast<double>(open->size())));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    families.push_back(
        Gauge("process_max_fds", "Most file descriptors.", static_cast<double>(limit.rlim_cur)));
  }
  prometheus::MetricFamily bugs = Family("graphkiln_bug_total", "Impossible states that were met.",
                                         prometheus::MetricType::Counter);
  for (const auto& [site, count] : BugCounts()) {
    prometheus::ClientMetric metric = CounterMetric(static_cast<double>(count));
    metric.label.push_back({"site", site});
    bugs.metric.push_back(metric);
  }
  families.push_back(bugs);
  return families;
}

}  // namespace graphkiln::coordinator
