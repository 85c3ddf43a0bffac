#include "common/base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace graphkiln {
namespace {

std::atomic<int> g_level{static_cast<int>(LogLevel::kInfo)};

std::shared_ptr<spdlog::logger> MakeLogger(std::string_view program) {
  auto logger = std::make_shared<spdlog::logger>(
      std::string(program), std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%L%$ %n[%P] %v");
  logger->set_level(spdlog::level::trace);  // filtering is LogEnabled's
  logger->flush_on(spdlog::level::trace);
  return logger;
}

struct LoggerHolder {
  absl::Mutex mu;
  std::shared_ptr<spdlog::logger> logger ABSL_GUARDED_BY(mu) = MakeLogger("kiln");
};

LoggerHolder& Holder() {
  static LoggerHolder* const holder = new LoggerHolder;  // never destroyed: usable during shutdown
  return *holder;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

}  // namespace

void InitLogging(std::string_view program, LogLevel level) {
  absl::MutexLock lock(&Holder().mu);
  Holder().logger = MakeLogger(program);
  g_level.store(static_cast<int>(level), std::memory_order_relaxed);
}

LogLevel LogLevelFromName(std::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warn") return LogLevel::kWarn;
  if (name == "error") return LogLevel::kError;
  if (name == "off") return LogLevel::kOff;
  return LogLevel::kInfo;
}

bool LogEnabled(LogLevel level) {
  return static_cast<int>(level) >= g_level.load(std::memory_order_relaxed);
}

void LogMessage(LogLevel level, std::string_view message) {
  std::shared_ptr<spdlog::logger> logger;
  {
    absl::MutexLock lock(&Holder().mu);
    logger = Holder().logger;
  }
  logger->log(ToSpdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

}  // namespace graphkiln
