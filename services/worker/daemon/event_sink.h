// Where a lease's events go; the publisher implements it, tests collect. Thread-safe.
#pragma once

#include "absl/time/time.h"
#include "graphkiln/v1/job.pb.h"
#include "services/worker/daemon/cancellation.h"
#include "services/worker/daemon/lease_id.h"

namespace graphkiln::worker {

class EventSink {
 public:
  virtual ~EventSink() = default;

  virtual void Open(const LeaseId& id) = 0;
  virtual void Append(const LeaseId& id, graphkiln::v1::Event event) = 0;
  /// Sends what there is and waits until it is durable; false after `timeout` or cancellation.
  virtual bool Flush(const LeaseId& id, absl::Duration timeout, Cancellation& cancellation) = 0;
  virtual uint64_t last_seq(const LeaseId& id) const = 0;
  virtual void Close(const LeaseId& id) = 0;
};

}  // namespace graphkiln::worker
