#include "common/ir/assumptions.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "fmt/format.h"

namespace graphkiln::ir {

std::string Assumption::ToString() const {
  if (multiple_of > 1) return fmt::format("{} is a multiple of {}", size.ToString(), multiple_of);
  return fmt::format("{} is {} or more", size.ToString(), at_least);
}

absl::StatusOr<bool> Assumption::Holds(const Dim::SymbolValue& symbol) const {
  ASSIGN_OR_RETURN(const int64_t value, size.Evaluate(symbol));
  return multiple_of > 1 ? value % multiple_of == 0 : value >= at_least;
}

Assumption AtLeast(Dim size, int64_t least) {
  size.Isolate(&least);
  return {std::move(size), least};
}

void Assumptions::Add(Assumption assumption) {
  const auto [known, first] = known_.emplace(
      fmt::format("{} {}", assumption.multiple_of, assumption.size.ToString()), all_.size());
  if (first) {
    all_.push_back(std::move(assumption));
  } else if (all_[known->second].at_least < assumption.at_least) {
    all_[known->second] = std::move(assumption);
  }
}

}  // namespace graphkiln::ir
