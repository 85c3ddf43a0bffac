// The jobs that wait for a slot, one line per set of needs, so that a line whose needs nobody can
// meet costs one look per placement, however long it is. Thread-compatible; the queue's lock guards
// it.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <tuple>

#include "absl/container/btree_map.h"
#include "services/coordinator/core/job_record.h"

namespace graphkiln::coordinator {

class PendingQueue {
 public:
  /// `key` orders the job (job_order.h). REQUIRES: !job.in_queue.
  void Add(JobRecord& job, double key);
  /// No effect when the job is not in the queue.
  void Remove(JobRecord& job);
  size_t size() const { return size_; }

  /// Offers the first job of each line, in order over all lines. `place` returns true when it took
  /// the job (and it has called Remove); a line whose first job was not taken is left alone. Stops
  /// when `enough` says so.
  void Visit(const std::function<bool(JobRecord&)>& place, const std::function<bool()>& enough);

 private:
  // Order of acceptance breaks ties.
  using Position = std::tuple<double, int64_t, JobRecord*>;
  absl::btree_map<JobNeeds, std::set<Position>> lines_;
  size_t size_ = 0;
};

}  // namespace graphkiln::coordinator
