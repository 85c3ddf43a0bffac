// NumPy's .npz files (a ZIP of .npy entries), read only, under limits. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tensors/npy.h"

namespace graphkiln::tensors {

struct NpzLimits {
  uint64_t max_entries = 4096;
  uint64_t max_total_bytes = 16ull << 30;  // uncompressed
};

struct NpzEntry {
  std::string name;  // without ".npy"
  NpyArray array;
};

/// All arrays of an .npz file in the file's order.
absl::StatusOr<std::vector<NpzEntry>> ReadNpz(const std::string& path,
                                              const NpzLimits& limits = {});

}  // namespace graphkiln::tensors
