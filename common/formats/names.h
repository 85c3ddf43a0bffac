// Names told apart by numbers. Used by the writers of formats.
#pragma once

#include <string>
#include <string_view>

#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::formats {

class Names {
 public:
  void Take(std::string_view name) { taken_.insert(std::string(name)); }

  /// `stem`, or that with the next number that is free behind `separator`, which is the same for
  /// all uses of a stem. The search goes on where it ended: equal stems take linear time.
  std::string New(const std::string& stem, std::string_view separator = "_") {
    if (taken_.insert(stem).second) return stem;
    int& number = numbers_.try_emplace(stem, 1).first->second;
    while (true) {
      std::string name = fmt::format("{}{}{}", stem, separator, ++number);
      if (taken_.insert(name).second) return name;
    }
  }

 private:
  StringSet taken_;
  StringMap<int> numbers_;  // by stem: the last one given out
};

}  // namespace graphkiln::formats
