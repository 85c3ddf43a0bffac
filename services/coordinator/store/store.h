// A durable store: the core's journal, the history of events, and the reads that answer queries.
// SqliteStore implements it. All reads block: executor threads only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "graphkiln/v1/dataset_service.pb.h"
#include "graphkiln/v1/graph_service.pb.h"
#include "graphkiln/v1/job_service.pb.h"
#include "services/coordinator/core/event_cursor.h"
#include "services/coordinator/core/journal.h"

namespace graphkiln::coordinator {

/// A page of a list ordered by name.
template <class T>
struct NamedPage {
  std::vector<T> items;
  std::string next_after;  // name to continue after; empty on the last page
};

/// Points of all series in one answer of ReadSeries.
inline constexpr int64_t kMostPointsOfAnswer = 200'000;

struct IdempotentAnswer {
  std::string digest;
  std::string name;
};

/// Thread-safe.
class Store : public Journal, public EventHistory {
 public:
  /// Writes what was queued (unless the storage refuses), calls the callbacks and stops the writer.
  /// Batches that come later are dropped without a callback. Idempotent. Call it before the queue
  /// that the callbacks lead to is destroyed; reads still work.
  virtual void Close() = 0;

  /// Everything that JobQueue::Restore needs. Raises the generation. `events_per_job`: length of
  /// the tails. Called once at start.
  virtual absl::StatusOr<LoadedState> Load(int64_t events_per_job) = 0;

  /// Events of some types only, in order, after `after_seq`; skips packed batches without such
  /// events.
  virtual absl::StatusOr<EventPage> ReadEventsOfTypes(const std::string& job_uid, int64_t after_seq,
                                                      EventTypeSet types, int64_t max_events) = 0;
  /// The last `count` events of some types, in order.
  virtual absl::StatusOr<EventPage> ReadLastEventsOfTypes(const std::string& job_uid,
                                                          EventTypeSet types, int64_t count) = 0;
  /// Series of a job in order of name; `names` empty: all. After a retry the newer run's points
  /// replace those from its first step on. Thinned evenly to `max_points` each (0: no wish), and
  /// together to kMostPointsOfAnswer, keeping first and last.
  virtual absl::StatusOr<std::vector<v1::MetricSeries>> ReadSeries(
      const std::string& job_uid, const std::vector<std::string>& names, int64_t max_points) = 0;

  /// Serialized v1::Graph by content hash. Error: NOT_FOUND.
  virtual absl::StatusOr<std::string> ReadGraphContent(const std::string& graph_hash) = 0;

  // Saved graphs and datasets. Writes go through Commit (PutGraph, ...).
  virtual absl::StatusOr<v1::SavedGraph> ReadGraph(const std::string& name) = 0;
  /// Without contents.
  virtual absl::StatusOr<NamedPage<v1::SavedGraph>> ListGraphs(const std::string& project,
                                                               const std::string& after,
                                                               int64_t most) = 0;
  /// By content hash within a project; the first by name. Error: NOT_FOUND.
  virtual absl::StatusOr<v1::SavedGraph> ReadGraphByHash(const std::string& project,
                                                         const std::string& graph_hash) = 0;
  virtual absl::StatusOr<v1::Dataset> ReadDataset(const std::string& name) = 0;
  virtual absl::StatusOr<NamedPage<v1::Dataset>> ListDatasets(const std::string& project,
                                                              const std::string& after,
                                                              int64_t most) = 0;
  /// Whether a dataset refers to these bytes.
  virtual absl::StatusOr<bool> DatasetUses(const std::string& artifact) = 0;

  /// What a request id was answered with at `oldest` or later; nullopt where nothing was.
  virtual absl::StatusOr<std::optional<IdempotentAnswer>> FindIdempotent(
      const std::string& scope, const std::string& request_id, absl::Time oldest) = 0;
};

}  // namespace graphkiln::coordinator
