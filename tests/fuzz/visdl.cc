// libFuzzer: VisDL JSON.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/whole.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  graphkiln::fuzz::Foreign("visdl", {reinterpret_cast<const char*>(data), size});
  return 0;
}
