#include "services/coordinator/rpc/rpc_metrics.h"

#include <algorithm>

#include "services/coordinator/rpc/metrics.h"

namespace graphkiln::coordinator {
namespace {

constexpr std::array<const char*, 17> kCodeNames = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

const char* TypeName(MethodKind kind) {
  switch (kind) {
    case MethodKind::kUnary:
      return "unary";
    case MethodKind::kServerStream:
      return "server_stream";
    case MethodKind::kClientStream:
      return "client_stream";
    case MethodKind::kBidi:
      return "bidi_stream";
  }
  return "unary";
}

prometheus::Labels LabelsOf(const MethodEntry& method) {
  return {{"grpc_type", TypeName(method.kind)},
          {"grpc_service", method.service},
          {"grpc_method", method.method}};
}

}  // namespace

RpcMetrics::RpcMetrics(prometheus::Registry& registry, const MethodTable& table)
    : handled_(prometheus::BuildCounter()
                   .Name("grpc_server_handled_total")
                   .Help("RPCs that ended, by status code.")
                   .Register(registry)) {
  auto& started = prometheus::BuildCounter()
                      .Name("grpc_server_started_total")
                      .Help("RPCs that began.")
                      .Register(registry);
  auto& seconds = prometheus::BuildHistogram()
                      .Name("grpc_server_handling_seconds")
                      .Help("Time from the arrival of an RPC to its end.")
                      .Register(registry);
  for (const MethodEntry& method : table.entries()) {
    auto per = std::make_unique<PerMethod>();
    per->started = &started.Add(LabelsOf(method));
    per->seconds = &seconds.Add(LabelsOf(method), LatencyBuckets());
    methods_.push_back(std::move(per));
  }
}

void RpcMetrics::Started(const MethodEntry& method) {
  methods_[method.index]->started->Increment();
}

void RpcMetrics::Handled(const MethodEntry& method, absl::StatusCode code, double seconds) {
  PerMethod& per = *methods_[method.index];
  per.seconds->Observe(seconds);
  const size_t index = std::min<size_t>(static_cast<size_t>(code), kCodes - 1);
  prometheus::Counter* counter = per.handled[index].load(std::memory_order_acquire);
  if (counter == nullptr) {
    prometheus::Labels labels = LabelsOf(method);
    labels["grpc_code"] = kCodeNames[index];
    counter = &handled_.Add(labels);  // the same one for equal labels
    per.handled[index].store(counter, std::memory_order_release);
  }
  counter->Increment();
}

}  // namespace graphkiln::coordinator
