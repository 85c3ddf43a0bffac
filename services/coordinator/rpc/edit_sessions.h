// Graphs that clients edit: each change of a node costs what it reaches, not the whole graph.
//
// Sessions live in memory alone and are bounded in number, bytes and idle time; the least recently
// used ones go first, and a client whose session is gone opens another. An id cannot be guessed and
// serves only who opened the session. Blocks while compiling: executor threads. Thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/strings.h"
#include "common/compiler/incremental.h"
#include "graphkiln/v1/compile_service.pb.h"

namespace graphkiln::coordinator {

class EditSessions {
 public:
  struct Limits {
    size_t most_sessions = 256;
    size_t most_bytes = 256 << 20;  // of all together; one has at most a quarter
    absl::Duration idle = absl::Minutes(15);
  };
  /// Both must outlive this.
  EditSessions(Clock* clock, RandomSource* random) : EditSessions(clock, random, Limits()) {}
  EditSessions(Clock* clock, RandomSource* random, Limits limits)
      : clock_(*clock), random_(*random), limits_(limits) {}

  /// The method EditGraph for the caller of that name. The request's graph and nodes are taken.
  absl::StatusOr<v1::EditGraphResponse> Edit(std::string_view principal,
                                             v1::EditGraphRequest& request);

  size_t size();

 private:
  struct Session {
    explicit Session(v1::Graph graph) : compiler(std::move(graph)) {}
    std::string id, principal;
    std::mutex mu;                           // one change at a time
    compiler::IncrementalCompiler compiler;  // guarded by mu
    int64_t revision = 1;                    // guarded by mu
    size_t bytes = 0;                        // guarded by EditSessions::mu_
    absl::Duration used;                     // guarded by EditSessions::mu_
  };
  using SessionPtr = std::shared_ptr<Session>;
  using Sessions = std::list<SessionPtr>;

  absl::StatusOr<v1::EditGraphResponse> Open(std::string_view principal, v1::Graph graph);
  absl::StatusOr<v1::EditGraphResponse> Change(Session& session, v1::EditGraphRequest& request);
  /// Null where there is none of that caller's.
  SessionPtr Find(std::string_view principal, std::string_view id);
  /// Counts the session's memory again, or takes it up; false where it is too large to stay.
  bool Keep(const SessionPtr& session, size_t bytes, bool fresh);
  /// Takes out what is too old or too much; destroyed without the lock. REQUIRES: mu_ held.
  void Trim(Sessions& dropped);
  void Drop(Sessions::iterator session, Sessions& dropped);
  std::string NewId();

  Clock& clock_;
  RandomSource& random_;
  const Limits limits_;
  std::mutex mu_;
  Sessions sessions_;                    // most recently used first; guarded by mu_
  StringMap<Sessions::iterator> by_id_;  // guarded by mu_
  size_t bytes_ = 0;                     // guarded by mu_
};

}  // namespace graphkiln::coordinator
