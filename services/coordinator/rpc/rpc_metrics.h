// grpc_server_started_total, grpc_server_handled_total, grpc_server_handling_seconds by method,
// whatever the transport. The counters of all methods exist from the start, so counting takes no
// lock but for the first answer with a new code. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/status.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "services/coordinator/rpc/method_table.h"

namespace graphkiln::coordinator {

class RpcMetrics {
 public:
  RpcMetrics(prometheus::Registry& registry, const MethodTable& table);

  void Started(const MethodEntry& method);
  void Handled(const MethodEntry& method, absl::StatusCode code, double seconds);

 private:
  static constexpr size_t kCodes = 17;
  struct PerMethod {
    prometheus::Counter* started = nullptr;
    prometheus::Histogram* seconds = nullptr;
    std::array<std::atomic<prometheus::Counter*>, kCodes> handled{};
  };
  prometheus::Family<prometheus::Counter>& handled_;
  std::vector<std::unique_ptr<PerMethod>> methods_;  // by MethodEntry::index
};

}  // namespace graphkiln::coordinator
