// Timers and limits of the coordinator's core; main.cc may change them from flags, tests shorten
// them.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace graphkiln::coordinator {

/// The longest time that a cancelled job may take to end by itself.
inline constexpr absl::Duration kMostCancelGrace = absl::Hours(1);
/// How long a request id stands for its first answer.
inline constexpr absl::Duration kRequestIdLife = absl::Hours(24);

struct CoreOptions {
  // Timers of `service.md` section 3.3. Durations on the monotonic clock.
  absl::Duration report_interval = absl::Seconds(5);
  absl::Duration suspect_after = absl::Seconds(12);
  absl::Duration lease_ttl = absl::Seconds(30);
  absl::Duration offer_ack = absl::Seconds(10);
  absl::Duration stop_grace = absl::Seconds(30);
  absl::Duration stop_unacknowledged = absl::Seconds(60);  // beyond the grace
  absl::Duration recovery_hold = absl::Seconds(60);
  absl::Duration drain_deadline = absl::Seconds(30);  // a draining daemon's jobs run on for so long
  absl::Duration reject_pause = absl::Seconds(5);  // before a worker is offered a job it refused;
  absl::Duration reject_pause_most = absl::Minutes(5);  // doubles with each refusal up to this
  // While workers are known somebody enters the queue at least so often; a gap above `stall_after`
  // means that this process stood still, and that it could not hear anybody.
  absl::Duration heartbeat = absl::Seconds(1);
  absl::Duration stall_after = absl::Seconds(3);
  absl::Duration backoff_first = absl::Seconds(1);  // doubles with each failure
  absl::Duration backoff_most = absl::Seconds(60);
  absl::Duration request_id_life = kRequestIdLife;
  absl::Duration progress_store_interval = absl::Seconds(1);  // how often mere progress is stored

  // A waiting job gains one point of priority in this time, so nothing starves.
  absl::Duration age_per_priority_point = absl::Seconds(6);

  int32_t max_retries = 3;         // infrastructure failures, where the job does not say
  int32_t max_refused_offers = 8;  // in a row; then the job fails
  int64_t max_open_jobs = 200'000;
  int64_t max_open_jobs_per_project = 150'000;
  int64_t max_workers = 10'000;
  int64_t max_held_leases = 1'024;  // in one report
  int64_t max_request_ids = 1'000'000;
  int64_t max_events_per_publish = 10'000;
  int64_t max_watchers_per_job = 10'000;
  int64_t max_log_message_bytes = 16 * 1024;
  int64_t max_values_per_event = 4'096;
  int64_t max_series_per_job = 10'000;
  int64_t max_series_name_bytes = 256;
  int64_t max_attempts_kept = 100;
  // Recent events kept in memory per open job; older ones are read from the store.
  int64_t ring_events = 1'024;
};

}  // namespace graphkiln::coordinator
