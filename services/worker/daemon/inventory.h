// What the host has: cores and memory within the limits of the container, and whether the system
// has killed processes for lack of memory. Reads /proc and /sys below `root` (tests give a folder).
#pragma once

#include <cstdint>
#include <string>

#include "graphkiln/v1/system_service.pb.h"

namespace graphkiln::worker {

class HostFacts {
 public:
  explicit HostFacts(std::string root = "") : root_(std::move(root)) {}

  /// CPUs that this process may use: affinity, cut by the cgroup's quota; at least 1.
  int Cores() const;
  /// Memory of the host, cut by the cgroup's limit; 0 where unknown.
  int64_t MemoryBytes() const;
  /// How many processes were killed for lack of memory, on the host and in the cgroup; only its
  /// rise has a meaning.
  int64_t OutOfMemoryKills() const;

 private:
  std::string root_;
};

/// The inventory without LibTorch's version. `slots` 0 means one per core. No accelerators are
/// listed: a device that the trainers cannot use would only attract jobs that fail.
graphkiln::v1::Inventory MakeInventory(const HostFacts& host, int slots);

std::string HostName();

}  // namespace graphkiln::worker
