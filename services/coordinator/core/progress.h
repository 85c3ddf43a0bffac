// What a worker's events say about the job: latest figures and points of series. Pure functions.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "common/base/strings.h"
#include "graphkiln/v1/job.pb.h"
#include "services/coordinator/core/journal.h"
#include "services/coordinator/core/options.h"

namespace graphkiln::coordinator {

/// Step, epoch and latest metrics.
void ApplyProgress(const v1::Event& event, v1::Job& job);

/// Collects the points of many events, per series in order of arrival.
class SeriesCollector {
 public:
  void Add(const v1::Event& event);
  int64_t points() const { return points_; }
  std::vector<SeriesPoints> Take();

 private:
  void AddPoint(const std::string& name, int64_t step, double value);
  std::vector<SeriesPoints> series_;
  StringMap<size_t> index_;  // by name
  int64_t points_ = 0;
};

/// Takes points of series beyond the job's bound out of the event; adds the names of the others to
/// `known`. The number of points taken out.
int64_t RefuseNewSeries(v1::Event& event, const CoreOptions& options, StringSet& known);

/// Bounds of what a worker may send. Error: FIELD_INVALID.
absl::Status CheckEvent(const v1::Event& event, const CoreOptions& options);

}  // namespace graphkiln::coordinator
