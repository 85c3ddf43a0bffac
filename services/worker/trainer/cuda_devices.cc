#include "services/worker/trainer/cuda_devices.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/resources.h"
#include "services/worker/trainer_cuda/module.h"

namespace graphkiln::trainer {
namespace {

constexpr int32_t kMaxDevices = 64;

}  // namespace

std::vector<CudaDevice> ListCudaDevices() {
  // The driver answers in a fraction of a millisecond; the module with all of CUDA's libraries does
  // not.
  void* driver = ::dlopen("libcuda.so.1", RTLD_LAZY);
  if (driver == nullptr) return {};
  ::dlclose(driver);
  const std::string path = JoinPath(ExecutableDir(), kKilnCudaModule);
  void* module = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (module == nullptr) {
    KILN_WARN("a CUDA driver is here, but {} cannot be loaded: {}", path, ::dlerror());
    return {};
  }
  const auto list = reinterpret_cast<KilnCudaListDevices>(::dlsym(module, kKilnCudaListDevices));
  if (list == nullptr) {
    KILN_WARN("{} is of another version", path);
    return {};
  }
  std::vector<KilnCudaDevice> found(kMaxDevices);
  const int32_t count = std::clamp<int32_t>(list(found.data(), kMaxDevices), 0, kMaxDevices);
  std::vector<CudaDevice> devices;
  for (int32_t i = 0; i < count; ++i) {
    const KilnCudaDevice& device = found[static_cast<size_t>(i)];
    devices.push_back({device.name, device.memory_bytes,
                       fmt::format("{}.{}", device.compute_major, device.compute_minor)});
  }
  return devices;
}

std::string DevicesJson(const std::vector<CudaDevice>& devices) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (size_t i = 0; i < devices.size(); ++i) {
    list.push_back({{"index", i},
                    {"name", devices[i].name},
                    {"memory_bytes", devices[i].memory_bytes},
                    {"capability", devices[i].capability}});
  }
  return nlohmann::ordered_json{{"devices", list}}.dump(
      -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace graphkiln::trainer
