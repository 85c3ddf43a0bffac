// Logging front over spdlog, to stderr; stdout belongs to the programs' results.
//
//   KILN_INFO("job {} started on {}", job, worker);
//
// Thread-safe. Format strings are checked at compile time; the arguments are not evaluated when the
// level is off. Quote untrusted text with QuoteForMessage.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace graphkiln {

enum class LogLevel { kDebug = 0, kInfo = 1, kWarn = 2, kError = 3, kOff = 4 };

/// Names the program in every line and sets the least level shown. Without it: "kiln", kInfo.
void InitLogging(std::string_view program, LogLevel level);
/// "debug", "info", "warn", "error" or "off"; kInfo for anything else.
LogLevel LogLevelFromName(std::string_view name);
bool LogEnabled(LogLevel level);
/// Use through the macros.
void LogMessage(LogLevel level, std::string_view message);

}  // namespace graphkiln

#define GRAPHKILN_LOG_(level, ...)                                \
  do {                                                            \
    if (::graphkiln::LogEnabled(level)) {                         \
      ::graphkiln::LogMessage(level, ::fmt::format(__VA_ARGS__)); \
    }                                                             \
  } while (false)

#define KILN_DEBUG(...) GRAPHKILN_LOG_(::graphkiln::LogLevel::kDebug, __VA_ARGS__)
#define KILN_INFO(...) GRAPHKILN_LOG_(::graphkiln::LogLevel::kInfo, __VA_ARGS__)
#define KILN_WARN(...) GRAPHKILN_LOG_(::graphkiln::LogLevel::kWarn, __VA_ARGS__)
#define KILN_ERROR(...) GRAPHKILN_LOG_(::graphkiln::LogLevel::kError, __VA_ARGS__)
