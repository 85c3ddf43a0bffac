#include "services/worker/trainer_cuda/module.h"

#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAFunctions.h>

#include <algorithm>
#include <cstring>
#include <exception>

extern "C" __attribute__((visibility("default"))) int32_t
KilnCudaListDevicesV1(KilnCudaDevice* devices, int32_t capacity) {
  try {
    const int32_t count = c10::cuda::device_count();
    for (int32_t i = 0; i < std::min(count, capacity); ++i) {
      const cudaDeviceProp* properties = at::cuda::getDeviceProperties(i);
      KilnCudaDevice& device = devices[i];
      std::strncpy(device.name, properties->name, sizeof(device.name) - 1);
      device.name[sizeof(device.name) - 1] = '\0';
      device.memory_bytes = static_cast<int64_t>(properties->totalGlobalMem);
      device.compute_major = properties->major;
      device.compute_minor = properties->minor;
    }
    return count;
  } catch (const std::exception&) {
    return 0;  // a driver that fails is a machine without devices
  }
}
