// The standard process_* metrics, read from /proc when they are asked for, and bug_total{site}. Any
// thread.
#pragma once

#include <vector>

#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"

namespace graphkiln::coordinator {

class ProcessMetrics final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace graphkiln::coordinator
