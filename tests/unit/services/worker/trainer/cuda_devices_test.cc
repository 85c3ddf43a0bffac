#include "services/worker/trainer/cuda_devices.h"

#include <nlohmann/json.hpp>

#include "tests/unit/services/worker/trainer/testing.h"

namespace graphkiln::trainer {
namespace {

TEST(CudaDevicesTest, PrintsWhatWasFound) {
  EXPECT_EQ(DevicesJson({}), R"({"devices":[]})");
  const auto json = nlohmann::json::parse(DevicesJson({{"Some GPU", 8 << 20, "9.0"}}));
  EXPECT_EQ(json["devices"][0]["name"], "Some GPU");
  EXPECT_EQ(json["devices"][0]["memory_bytes"], 8 << 20);
  EXPECT_EQ(json["devices"][0]["capability"], "9.0");
}

}  // namespace
}  // namespace graphkiln::trainer
