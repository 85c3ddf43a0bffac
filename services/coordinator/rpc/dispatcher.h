// What every transport does with a call before a handler sees it: drain check, authentication,
// authorization, limits, counting, and the way to the executor. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "services/coordinator/rpc/auth.h"
#include "services/coordinator/rpc/executor.h"
#include "services/coordinator/rpc/method_table.h"
#include "services/coordinator/rpc/rpc_metrics.h"

namespace graphkiln::coordinator {

class Dispatcher {
 public:
  struct Environment {
    const MethodTable* table = nullptr;
    const Authenticator* authenticator = nullptr;
    Executor* executor = nullptr;
    RpcMetrics* metrics = nullptr;
    Clock* clock = nullptr;
  };
  explicit Dispatcher(Environment environment) : env_(environment) {}

  const MethodTable& table() const { return *env_.table; }

  /// Lets a call in. Errors: DRAINING, UNAUTHENTICATED, PERMISSION_DENIED. Counts it as started in
  /// any case; Finished must follow.
  absl::StatusOr<CallPtr> Admit(const MethodEntry& method, const Credentials& credentials);
  /// Counts the end. `received`: Received() from before Admit.
  void Finished(const MethodEntry& method, absl::StatusCode code, absl::Duration received);
  absl::Duration Received() { return env_.clock->Monotonic(); }

  /// TOO_LARGE when a request of `bytes` is above the method's limit.
  static absl::Status CheckSize(const MethodEntry& method, size_t bytes);

  /// Parses and runs a unary call where the table says. `parse` fills the request in.
  void RunUnary(CallPtr call, std::function<absl::Status(google::protobuf::Message*)> parse,
                RawReply reply);

  /// From now on every new call is refused.
  void StartDraining() { draining_.store(true); }
  bool draining() const { return draining_.load(); }
  static absl::Status DrainingError();

 private:
  Environment env_;
  std::atomic<bool> draining_{false};
};

}  // namespace graphkiln::coordinator
