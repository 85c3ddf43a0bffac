// What the CUDA module offers to kiln-trainer: plain C, so that neither side depends on the other's
// headers.
//
// The module is opened before LibTorch is first asked for CUDA; it is never closed.
#pragma once

#include <stdint.h>

extern "C" {

/// One device as the driver describes it.
struct KilnCudaDevice {
  char name[128];
  int64_t memory_bytes;
  int32_t compute_major;
  int32_t compute_minor;
};

/// Fills up to `capacity` entries and returns how many devices there are; 0 where none can be used.
typedef int32_t (*KilnCudaListDevices)(KilnCudaDevice* devices, int32_t capacity);
}

inline constexpr char kKilnCudaModule[] = "kiln-trainer-cuda.so";
inline constexpr char kKilnCudaListDevices[] = "KilnCudaListDevicesV1";
