// The CUDA devices of this machine, through the module that is opened only where a driver is
// present.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace graphkiln::trainer {

struct CudaDevice {
  std::string name;
  int64_t memory_bytes = 0;
  std::string capability;  // "9.0"
};

/// Empty without a driver, without the module beside the program, or without devices. Must run
/// before anything asks LibTorch for CUDA, which remembers the first answer. Never call it in the
/// warm parent: a CUDA context does not survive a fork.
std::vector<CudaDevice> ListCudaDevices();

/// `{"devices": [{"index", "name", "memory_bytes", "capability"}]}`: what `kiln-trainer --devices`
/// prints.
std::string DevicesJson(const std::vector<CudaDevice>& devices);

}  // namespace graphkiln::trainer
