// Status macros and the reaction to impossible states.
//
// Every library boundary of GraphKiln returns absl::Status or absl::StatusOr; these two macros keep
// the callers readable. Any thread may use them.
//
//   ASSIGN_OR_RETURN(std::string text, ReadFile(path, kLimit));
//   RETURN_IF_ERROR(WriteFileAtomic(path, text));
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define GRAPHKILN_CONCAT_INNER_(a, b) a##b
#define GRAPHKILN_CONCAT_(a, b) GRAPHKILN_CONCAT_INNER_(a, b)

/// Returns from the enclosing function (Status or any StatusOr) when `expr` is not OK.
#define RETURN_IF_ERROR(expr)                  \
  do {                                         \
    ::absl::Status graphkiln_status_ = (expr); \
    if (!graphkiln_status_.ok()) {             \
      return graphkiln_status_;                \
    }                                          \
  } while (false)

/// Evaluates `expr` (a StatusOr), returns its error or assigns its value to `lhs`, which may
/// declare. The macro is variadic so that commas inside template arguments of the expression do no
/// harm.
#define ASSIGN_OR_RETURN(lhs, ...) \
  GRAPHKILN_ASSIGN_OR_RETURN_(GRAPHKILN_CONCAT_(graphkiln_statusor_, __COUNTER__), lhs, __VA_ARGS__)

#define GRAPHKILN_ASSIGN_OR_RETURN_(statusor, lhs, ...) \
  auto statusor = (__VA_ARGS__);                        \
  if (!statusor.ok()) {                                 \
    return std::move(statusor).status();                \
  }                                                     \
  lhs = std::move(statusor).value()

/// Reports a state that cannot happen unless the program is wrong: logs it, counts it under `site`
/// and, in debug builds or after SetAbortOnBug(true), aborts. In release builds it returns, so the
/// caller must still leave through a safe path.
#define GRAPHKILN_BUG(site, detail) ::graphkiln::ReportBug((site), (detail), __FILE__, __LINE__)

namespace graphkiln {

/// Use through GRAPHKILN_BUG.
void ReportBug(std::string_view site, std::string_view detail, const char* file, int line);

/// Number of reported bugs per site since the process started; exported as `bug_total{site}`.
std::map<std::string, uint64_t> BugCounts();

/// Makes every further bug abort the process (tests; also set by the environment variable
/// KILN_ABORT_ON_BUG=1) or not.
void SetAbortOnBug(bool abort_on_bug);

/// `status` with `prefix` and ": " before its message; code and payloads stay. OK stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view prefix);

/// The message of a status as std::string_view (Debian's Abseil hands out its own view type).
inline std::string_view MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

}  // namespace graphkiln
