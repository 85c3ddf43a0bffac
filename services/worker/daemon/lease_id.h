// Names one lease: a job and the fence of the grant. Used by everything in the daemon.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

namespace graphkiln::worker {

struct LeaseId {
  std::string job;
  int64_t epoch = 0;

  friend bool operator==(const LeaseId& a, const LeaseId& b) {
    return a.epoch == b.epoch && a.job == b.job;
  }
  friend bool operator<(const LeaseId& a, const LeaseId& b) {
    return std::tie(a.job, a.epoch) < std::tie(b.job, b.epoch);
  }
};

/// "projects/default/jobs/j-1@4", for logs.
std::string ToString(const LeaseId& id);

/// A folder name: no separators, no dots in front, unique per lease, at most 96 bytes.
std::string FolderName(const LeaseId& id);

}  // namespace graphkiln::worker
