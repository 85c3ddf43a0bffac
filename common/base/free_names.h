// Names that are taken, and new ones: `wanted`, or `wanted_2`, `wanted_3`, ... Used wherever nodes
// and inputs are made that the user did not write.
#pragma once

#include <string>
#include <string_view>

#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln {

class FreeNames {
 public:
  void Take(std::string_view name) { taken_.insert(std::string(name)); }

  // The new name is taken from then on.
  std::string New(const std::string& wanted) {
    std::string name = wanted;
    for (int number = 2; !taken_.insert(name).second; ++number)
      name = fmt::format("{}_{}", wanted, number);
    return name;
  }

 private:
  StringSet taken_;
};

}  // namespace graphkiln
