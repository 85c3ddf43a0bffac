// What the daemon asks of the coordinator besides the two streams, as an interface: the gRPC client
// implements it, tests put a fake in its place. All calls block until they are answered, their own
// deadline passes or the cancellation fires; they never retry (the callers know how long it pays;
// call_error.h says what an error means).
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graphkiln/worker/v1/worker_service.pb.h"
#include "services/worker/daemon/call_error.h"
#include "services/worker/daemon/cancellation.h"

namespace graphkiln::worker {

class CoordinatorApi {
 public:
  virtual ~CoordinatorApi() = default;

  /// Hands out the bytes of an artifact from `offset` on; ends early with the sink's error.
  using Sink = std::function<absl::Status(std::string_view bytes)>;
  virtual absl::Status Download(const std::string& sha256, int64_t offset, const Sink& sink,
                                Cancellation& cancellation) = 0;
  /// Stores a local file of that digest; costs one message when it is there already.
  virtual absl::Status Upload(const std::string& path, const std::string& sha256,
                              Cancellation& cancellation) = 0;
  virtual absl::Status CommitCheckpoint(const v1::CommitCheckpointRequest& request,
                                        Cancellation& cancellation) = 0;
  virtual absl::Status FinishLease(const v1::FinishLeaseRequest& request,
                                   Cancellation& cancellation) = 0;
};

}  // namespace graphkiln::worker
