// Which workers did not take a job, and until when others are asked first. Thread-compatible; the
// queue's lock guards it.
#pragma once

#include <string>
#include <string_view>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"

namespace graphkiln::coordinator {

class OfferRefusals {
 public:
  /// The worker is left out for `first`, twice as long with each further refusal, at most `most`.
  void Add(std::string_view worker, absl::Duration now, absl::Duration first, absl::Duration most);
  bool LeavesOut(std::string_view worker, absl::Duration now) const;
  /// When the first of the workers that are left out may be asked again; InfiniteDuration when none
  /// is.
  absl::Duration NextReturn(absl::Duration now) const;
  /// Refusals since Clear, of all workers.
  int total() const { return total_; }
  bool empty() const { return total_ == 0; }
  void Clear();

 private:
  struct Entry {
    int refusals = 0;
    absl::Duration until = absl::ZeroDuration();
  };
  absl::btree_map<std::string, Entry> workers_;
  int total_ = 0;
};

}  // namespace graphkiln::coordinator
