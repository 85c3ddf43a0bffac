#include "services/worker/trainer_cuda/module.h"

#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <exception>

extern "C" __attribute__((visibility("default"))) int32_t
KilnCudaListDevicesV1(KilnCudaDevice* devices, int32_t capacity) {
  try {
    const int32_t count = c10::cuda::device_count();
    for (int32_t i = 0; i < std::min(count, capacity); ++i) {
      cudaDeviceProp properties{};
      if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) return 0;
      KilnCudaDevice& device = devices[i];
      const size_t length = strnlen(properties.name, sizeof(device.name) - 1);
      std::memcpy(device.name, properties.name, length);
      device.name[length] = '\0';
      device.memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
      device.compute_major = properties.major;
      device.compute_minor = properties.minor;
    }
    return count;
  } catch (const std::exception&) {
    return 0;  // a driver that fails is a machine without devices
  }
}
