// What must go in time: request ids that are out of force, and files that nobody refers to.
//
// Retention now: uploads that nothing has referred to for a grace period, files that a later run of
// the job replaced, checkpoints beyond the job's policy. Jobs, their logs and their last files stay
// until a policy for them exists. Made by the server; the work runs on the executor.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/coordinator/rpc/services.h"

namespace graphkiln::coordinator {

/// Removes these files where neither a job nor a dataset uses them. Blocks.
void RemoveReleased(Services& services, const std::vector<std::string>& released);

/// Removes every file that nobody uses and that was uploaded before `before`; the number of files.
/// Blocks.
absl::StatusOr<int64_t> SweepArtifacts(Services& services, absl::Time before);

class Housekeeping {
 public:
  struct Options {
    absl::Duration interval;
    absl::Duration upload_grace;  // of uploads that nothing refers to
  };
  /// Runs first one interval from now. `services` must outlive the executor's tasks.
  Housekeeping(Services& services, Options options);
  ~Housekeeping();
  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

 private:
  struct State {
    std::mutex mu;
    uint64_t alarm = 0;    // guarded by mu
    bool stopped = false;  // guarded by mu
  };
  static void Arm(Services& services, const Options& options, const std::shared_ptr<State>& state);

  Services& services_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace graphkiln::coordinator
