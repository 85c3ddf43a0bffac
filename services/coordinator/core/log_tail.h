// The last lines of a failed trainer, without those that its worker had sent while it ran. Used by
// the queue when a lease ends; pure.
#pragma once

#include <string_view>
#include <vector>

#include "services/coordinator/core/event_log.h"

namespace graphkiln::coordinator {

/// Lines of `tail` (at most the last 50, no empty ones) that come after the log lines which `log`
/// has of the present lease. The views point into `tail`.
std::vector<std::string_view> UnseenTail(const EventLog& log, std::string_view tail);

}  // namespace graphkiln::coordinator
