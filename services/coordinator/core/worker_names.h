// Which workers a caller may speak as. Made by rpc/ from the caller's token and certificate, asked
// by rpc/ (reports) and the core (everything about a lease). Immutable, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace graphkiln::coordinator {

class WorkerNames {
 public:
  /// Every worker: callers of an open server, tokens without a name.
  static const WorkerNames& Any();
  /// None.
  WorkerNames() = default;
  /// `w1` alone, or with a last `*` all that begin so (`pool-*`, for workers that a cluster names).
  static WorkerNames Matching(std::string_view pattern);
  /// Exactly these; those that are no worker's id name nobody.
  static WorkerNames Exactly(const std::vector<std::string>& ids);

  /// `worker` is an id or `workers/{id}`.
  bool Covers(std::string_view worker) const;
  /// Error: PERMISSION_DENIED.
  absl::Status Check(std::string_view worker) const;
  /// Those of our exact names that `other` covers.
  WorkerNames CoveredBy(const WorkerNames& other) const;
  bool empty() const { return names_.empty() && prefixes_.empty(); }

 private:
  std::vector<std::string> names_;
  std::vector<std::string> prefixes_;
};

}  // namespace graphkiln::coordinator
