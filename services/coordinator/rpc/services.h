// What the handlers work with. Owned by the coordinator's assembly (services/coordinator/server.h);
// all of it is thread-safe and outlives every call.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "services/coordinator/core/job_queue.h"
#include "services/coordinator/rpc/alarms.h"
#include "services/coordinator/rpc/edit_sessions.h"
#include "services/coordinator/rpc/executor.h"
#include "services/coordinator/rpc/method_table.h"
#include "services/coordinator/rpc/metrics.h"
#include "services/coordinator/rpc/program_cache.h"
#include "services/coordinator/store/artifact_store.h"
#include "services/coordinator/store/store.h"

namespace graphkiln::coordinator {

struct Services {
  JobQueue* queue = nullptr;
  Store* store = nullptr;
  ArtifactStore* artifacts = nullptr;
  Executor* executor = nullptr;
  Executor* wakes = nullptr;  // wakes streams for the queue, whose callers must not wait for them
  Alarms* alarms = nullptr;
  Clock* clock = nullptr;
  RandomSource* random = nullptr;
  Metrics* metrics = nullptr;
  ProgramCache* programs = nullptr;
  EditSessions* sessions = nullptr;

  std::string version;
  std::string instance;  // random per start
  absl::Time start_time;
  absl::Duration progress_interval = absl::Seconds(15);       // of an idle watch
  absl::Duration coalesce_interval = absl::Milliseconds(50);  // between batches of a live watch
};

// One function per proto service; `services` must outlive the table's use.
void AddCompileMethods(MethodTable& table, Services& services);
void AddGraphMethods(MethodTable& table, Services& services);
void AddNodeRegistryMethods(MethodTable& table, Services& services);
void AddJobMethods(MethodTable& table, Services& services);
void AddDatasetMethods(MethodTable& table, Services& services);
void AddArtifactMethods(MethodTable& table, Services& services);
void AddSystemMethods(MethodTable& table, Services& services);
void AddWorkerMethods(MethodTable& table, Services& services);

/// All of them.
void AddAllMethods(MethodTable& table, Services& services);

}  // namespace graphkiln::coordinator
