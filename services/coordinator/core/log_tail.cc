#include "services/coordinator/core/log_tail.h"

#include <algorithm>
#include <iterator>

#include "common/base/strings.h"

namespace graphkiln::coordinator {
namespace {

constexpr size_t kMostTailLines = 50;

// Messages of the lease, newest first; as many as a tail can hold.
std::vector<std::string_view> RecentLines(const EventLog& log) {
  std::vector<std::string_view> lines;
  for (int64_t seq = log.last_seq(); seq >= log.first_in_ring(); --seq) {
    const EventLog::EventPtr* found = log.Find(seq);
    if (found == nullptr) continue;  // not durable yet: the worker will not rely on it either
    const v1::Event& event = **found;
    if (event.has_state() && event.state().state() == v1::JOB_STATE_OFFERED) break;
    if (event.has_log()) lines.push_back(event.log().message());
    if (lines.size() == kMostTailLines) break;
  }
  return lines;
}

}  // namespace

std::vector<std::string_view> UnseenTail(const EventLog& log, std::string_view tail) {
  std::vector<std::string_view> lines;
  for (const std::string_view line : SplitView(tail, '\n')) {
    if (!TrimView(line).empty()) lines.push_back(line);
  }
  if (lines.size() > kMostTailLines) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kMostTailLines));
  }
  const std::vector<std::string_view> seen = RecentLines(log);
  if (seen.empty()) return lines;
  // The longest beginning of the tail that ends where the log ends; either may reach back further.
  for (auto end = lines.end(); end != lines.begin(); --end) {
    const auto compared =
        std::min<std::ptrdiff_t>(end - lines.begin(), static_cast<std::ptrdiff_t>(seen.size()));
    if (std::equal(seen.begin(), seen.begin() + compared, std::make_reverse_iterator(end))) {
      lines.erase(lines.begin(), end);
      break;
    }
  }
  return lines;
}

}  // namespace graphkiln::coordinator
