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

  // The new name is taken from then on. `separator` stands in front of the number, and is the same
  // for all uses of a name. The search goes on where it ended: it is linear in all that is asked.
  std::string New(const std::string& wanted, std::string_view separator = "_") {
    if (taken_.insert(wanted).second) return wanted;
    int& number = numbers_.try_emplace(wanted, 1).first->second;
    while (true) {
      std::string name = fmt::format("{}{}{}", wanted, separator, ++number);
      if (taken_.insert(name).second) return name;
    }
  }

 private:
  StringSet taken_;
  StringMap<int> numbers_;  // by wanted name: the last one given out
};

}  // namespace graphkiln
