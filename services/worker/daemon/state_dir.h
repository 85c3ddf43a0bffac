// The daemon's folder on disk: one owner at a time, and a name that lasts.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/base/random.h"
#include "services/worker/launch/fd.h"

namespace graphkiln::worker {

class StateDir {
 public:
  /// Makes and locks the folder. FailedPrecondition when another process has it.
  static absl::StatusOr<StateDir> Open(const std::string& path);

  /// `wanted`, or, when it is empty, the kept name, or a new one from the host's name, which is
  /// kept. InvalidArgument when `wanted` is no resource id.
  absl::StatusOr<std::string> Name(const std::string& wanted, const std::string& host,
                                   RandomSource& random) const;

  std::string leases() const;
  std::string artifacts() const;

 private:
  StateDir(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  Fd lock_;
};

}  // namespace graphkiln::worker
