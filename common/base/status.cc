#include "common/base/status.h"

#include <cstdlib>
#include <cstring>

#include "absl/base/thread_annotations.h"
#include "absl/strings/cord.h"
#include "absl/synchronization/mutex.h"
#include "common/base/log.h"

namespace graphkiln {
namespace {

#ifdef NDEBUG
constexpr bool kAbortByDefault = false;
#else
constexpr bool kAbortByDefault = true;
#endif

bool AbortRequestedByEnvironment() {
  const char* value = std::getenv("KILN_ABORT_ON_BUG");
  return value != nullptr && std::strcmp(value, "1") == 0;
}

// The one process-wide record of bugs: they are counted where they happen and read by the metrics
// endpoint, which would otherwise have to be passed through every library.
struct BugRecord {
  absl::Mutex mu;
  std::map<std::string, uint64_t> counts ABSL_GUARDED_BY(mu);
  bool abort ABSL_GUARDED_BY(mu) = kAbortByDefault || AbortRequestedByEnvironment();
};

BugRecord& Bugs() {
  static BugRecord* const record = new BugRecord;  // never destroyed: usable during shutdown
  return *record;
}

}  // namespace

void ReportBug(std::string_view site, std::string_view detail, const char* file, int line) {
  KILN_ERROR("BUG at {} ({}:{}): {}", site, file, line, detail);
  bool abort = false;
  {
    absl::MutexLock lock(&Bugs().mu);
    ++Bugs().counts[std::string(site)];
    abort = Bugs().abort;
  }
  if (abort) std::abort();
}

std::map<std::string, uint64_t> BugCounts() {
  absl::MutexLock lock(&Bugs().mu);
  return Bugs().counts;
}

void SetAbortOnBug(bool abort_on_bug) {
  absl::MutexLock lock(&Bugs().mu);
  Bugs().abort = abort_on_bug;
}

absl::Status Annotate(const absl::Status& status, std::string_view prefix) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), fmt::format("{}: {}", prefix, MessageOf(status)));
  status.ForEachPayload([&](absl::string_view type_url, const absl::Cord& payload) {
    annotated.SetPayload(type_url, payload);
  });
  return annotated;
}

}  // namespace graphkiln
