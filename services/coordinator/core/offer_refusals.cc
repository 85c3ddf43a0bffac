#include "services/coordinator/core/offer_refusals.h"

#include <algorithm>

namespace graphkiln::coordinator {

void OfferRefusals::Add(std::string_view worker, absl::Duration now, absl::Duration first,
                        absl::Duration most) {
  ++total_;
  Entry& entry = workers_[std::string(worker)];
  ++entry.refusals;
  absl::Duration pause = first;
  for (int i = 1; i < entry.refusals && pause < most; ++i) pause *= 2;
  entry.until = now + std::min(pause, most);
}

bool OfferRefusals::LeavesOut(std::string_view worker, absl::Duration now) const {
  const auto it = workers_.find(std::string(worker));
  return it != workers_.end() && it->second.until > now;
}

absl::Duration OfferRefusals::NextReturn(absl::Duration now) const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [worker, entry] : workers_) {
    if (entry.until > now) next = std::min(next, entry.until);
  }
  return next;
}

void OfferRefusals::Clear() {
  workers_.clear();
  total_ = 0;
}

}  // namespace graphkiln::coordinator
