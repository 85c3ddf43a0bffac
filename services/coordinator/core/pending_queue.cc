#include "services/coordinator/core/pending_queue.h"

#include <vector>

#include "common/base/status.h"

namespace graphkiln::coordinator {

void PendingQueue::Add(JobRecord& job, double key) {
  if (job.in_queue) {
    GRAPHKILN_BUG("pending_queue.add", job.name());
    return;
  }
  job.in_queue = true;
  job.queue_key = key;
  lines_[job.needs()].insert({key, job.internals.create_index, &job});
  ++size_;
}

void PendingQueue::Remove(JobRecord& job) {
  if (!job.in_queue) return;
  job.in_queue = false;
  const auto line = lines_.find(job.needs());
  if (line == lines_.end() ||
      line->second.erase({job.queue_key, job.internals.create_index, &job}) != 1) {
    GRAPHKILN_BUG("pending_queue.remove", job.name());
    return;
  }
  --size_;
  if (line->second.empty()) lines_.erase(line);
}

void PendingQueue::Visit(const std::function<bool(JobRecord&)>& place,
                         const std::function<bool()>& enough) {
  // Lines by their first job; a line leaves when its first job cannot be placed.
  std::set<std::pair<Position, JobNeeds>> heads;
  for (const auto& [needs, line] : lines_) heads.insert({*line.begin(), needs});
  while (!heads.empty() && !enough()) {
    const auto [position, needs] = *heads.begin();
    heads.erase(heads.begin());
    if (!place(*std::get<JobRecord*>(position))) continue;
    const auto line = lines_.find(needs);
    if (line != lines_.end()) heads.insert({*line->second.begin(), needs});
  }
}

}  // namespace graphkiln::coordinator
