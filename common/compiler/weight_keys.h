// State_dict keys of a module that is being built, for who looks for a weight: nodes that share
// weights, WeightOf, nodes inside of composites. Most graphs have none of them and never pay for
// it: keys are entered where one is looked for. Used by the type pass.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "common/base/strings.h"
#include "common/ir/module.h"

namespace graphkiln::compiler {

class WeightKeys {
 public:
  // The parameter of that key, or null. Until something is taken back, `parameters` only grows.
  ir::Parameter* Find(std::vector<ir::Parameter>& parameters, std::string_view key) {
    for (; entered_ < parameters.size(); ++entered_)
      index_.try_emplace(parameters[entered_].key, entered_);
    const auto it = index_.find(key);
    return it != index_.end() ? &parameters[it->second] : nullptr;
  }

  // Before `parameters` loses all but the first `kept`.
  void TakeBack(const std::vector<ir::Parameter>& parameters, size_t kept) {
    for (size_t i = kept; i < entered_; ++i) index_.erase(parameters[i].key);
    entered_ = std::min(entered_, kept);
  }

 private:
  StringMap<size_t> index_;
  size_t entered_ = 0;
};

}  // namespace graphkiln::compiler
