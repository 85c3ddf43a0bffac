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

std::string Assumptions::Key(const Assumption& assumption) {
  return fmt::format("{} {}", assumption.multiple_of, assumption.size.ToString());
}

void Assumptions::Add(Assumption assumption) {
  const auto [known, first] = known_.emplace(Key(assumption), all_.size());
  if (first) {
    log_.push_back({all_.size(), std::nullopt});
    all_.push_back(std::move(assumption));
  } else if (all_[known->second].at_least < assumption.at_least) {
    log_.push_back({known->second, std::move(all_[known->second])});
    all_[known->second] = std::move(assumption);
  }
}

void Assumptions::TakeBack(size_t mark) {
  for (; log_.size() > mark; log_.pop_back()) {
    Change& change = log_.back();
    if (change.before) {
      all_[change.index] = *std::move(change.before);
    } else {
      known_.erase(Key(all_.back()));
      all_.pop_back();
    }
  }
}

}  // namespace graphkiln::ir
