// Readers of logs, and their side of JobQueue.
#include "services/coordinator/core/event_cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/job_queue_scope.h"
#include "services/coordinator/core/names.h"

namespace graphkiln::coordinator {
namespace {

using Payload = v1::Event::PayloadCase;

struct EventTypeEntry {
  std::string_view name;
  Payload payload;
};
constexpr std::array<EventTypeEntry, 9> kEventTypes = {{{"state", Payload::kState},
                                                        {"step", Payload::kStep},
                                                        {"epoch", Payload::kEpoch},
                                                        {"node", Payload::kNode},
                                                        {"log", Payload::kLog},
                                                        {"system", Payload::kSystem},
                                                        {"checkpoint", Payload::kCheckpoint},
                                                        {"verdict", Payload::kVerdict},
                                                        {"gap", Payload::kGap}}};

constexpr size_t kMostBatchBytes = 256 * 1024;
constexpr int64_t kLoadEvents = 1'000;

EventTypeSet BitOf(Payload payload) { return EventTypeSet{1} << static_cast<int>(payload); }

bool Wanted(EventTypeSet types, const v1::Event& event) {
  return types == 0 || event.has_gap() || (types & BitOf(event.payload_case())) != 0;
}

// Positions (first, last) are gone: said with one event, so that no reader takes them for
// delivered.
std::shared_ptr<const v1::Event> HoleEvent(const std::string& job, int64_t first, int64_t last,
                                           const google::protobuf::Timestamp& time) {
  auto event = std::make_shared<v1::Event>();
  event->set_job(job);
  event->set_seq(last);
  *event->mutable_time() = time;
  event->mutable_gap()->set_first_missing(first);
  event->mutable_gap()->set_last_missing(last);
  event->mutable_gap()->set_count(last - first + 1);
  return event;
}

}  // namespace

absl::StatusOr<EventTypeSet> ParseEventTypes(const std::vector<std::string>& types) {
  EventTypeSet set = 0;
  for (const std::string& type : types) {
    const auto it = std::find_if(kEventTypes.begin(), kEventTypes.end(),
                                 [&](const EventTypeEntry& entry) { return entry.name == type; });
    if (it == kEventTypes.end()) {
      return FieldError("types", fmt::format("{} is not an event type", QuoteForMessage(type)));
    }
    set |= BitOf(it->payload);
  }
  return set;
}

std::string_view EventTypeName(Payload payload) {
  for (const EventTypeEntry& entry : kEventTypes) {
    if (entry.payload == payload) return entry.name;
  }
  return "unknown";
}

absl::StatusOr<std::shared_ptr<EventCursor>> JobQueue::Watch(std::string_view name,
                                                             std::string_view resume_token,
                                                             EventTypeSet types) {
  ASSIGN_OR_RETURN(const std::string canonical, CanonicalJobName(name));
  ResumePosition position;
  if (!resume_token.empty()) {
    ASSIGN_OR_RETURN(position, OpenResume(*sealer_, resume_token));
  }
  Scope scope(this);
  ASSIGN_OR_RETURN(JobRecord * job, RequireJob(canonical));
  if (!resume_token.empty() && (position.job_uid != job->uid() || position.seq < 0)) {
    return TokenError("the resume token is of another job");
  }
  if (!resume_token.empty() &&
      (position.log_generation != log_generation_ || position.seq > job->log.last_seq())) {
    // The log was replaced (a restored backup): what the token names never happened here.
    return MakeError(absl::StatusCode::kOutOfRange, v1::ERROR_REASON_EVENTS_EXPIRED,
                     "the history that the token names is gone",
                     {{"oldest_token", SealResume(*sealer_, {job->uid(), log_generation_, 0})}});
  }
  if (static_cast<int64_t>(job->watchers.size()) >= options_.max_watchers_per_job) {
    return MakeError(absl::StatusCode::kResourceExhausted, v1::ERROR_REASON_QUOTA_EXCEEDED,
                     fmt::format("{} has {} watchers, the most that are taken", canonical,
                                 job->watchers.size()));
  }
  std::shared_ptr<EventCursor> cursor(new EventCursor(this, job->uid(), types, position.seq));
  job->watchers.push_back(cursor.get());
  metrics_.AddWatchers(1);
  return cursor;
}

EventCursor::~EventCursor() {
  MutexLock lock(&queue_->mu_);
  const auto it = queue_->jobs_.find(job_uid_);
  if (it == queue_->jobs_.end()) return;
  std::vector<EventCursor*>& watchers = it->second->watchers;
  watchers.erase(std::remove(watchers.begin(), watchers.end(), this), watchers.end());
  queue_->metrics_.AddWatchers(-1);
  JobRecord& job = *it->second;
  if (watchers.empty() && job.visible() != nullptr &&
      JobRecord::IsTerminal(job.visible()->state())) {
    job.log.DropRing();
  }
}

void EventCursor::SetListener(std::function<void()> listener) {
  MutexLock lock(&queue_->mu_);
  listener_ = std::move(listener);
}

EventCursor::Batch EventCursor::Next(size_t max_events) {
  Batch batch;
  std::vector<std::shared_ptr<const v1::Event>> events;
  size_t bytes = 0;
  uint64_t log_generation = 0;
  const auto full = [&] { return events.size() >= max_events || bytes >= kMostBatchBytes; };
  const auto pass = [&](const std::shared_ptr<const v1::Event>& event) {
    position_ = event->seq();
    if (!Wanted(types_, *event)) return;
    bytes += event->ByteSizeLong();
    events.push_back(event);
  };
  {
    MutexLock lock(&queue_->mu_);
    log_generation = queue_->log_generation_;
    const JobRecord& job = *queue_->jobs_.at(job_uid_);
    const int64_t durable = job.log.durable_seq();
    batch.kind = Kind::kEvents;
    while (!full()) {
      if (loaded_used_ < loaded_.size()) {
        const auto& event = loaded_[loaded_used_];
        if (event->seq() > position_ + 1) {
          pass(HoleEvent(job.name(), position_ + 1, event->seq() - 1, event->time()));
          continue;
        }
        ++loaded_used_;
        pass(event);
        continue;
      }
      if (position_ >= durable) {
        const bool ended = job.visible() != nullptr &&
                           JobRecord::IsTerminal(job.visible()->state()) &&
                           durable == job.log.last_seq();
        batch.kind = ended ? Kind::kEnd : Kind::kWait;
        break;
      }
      if (const auto* event = job.log.Find(position_ + 1)) {
        pass(*event);
        continue;
      }
      if (!failed_.ok()) {
        batch.kind = Kind::kError;
        batch.status = failed_;
        break;
      }
      const int64_t first = std::min(job.log.first_in_ring(), durable + 1);
      if (skip_load_) {
        // The store has nothing between here and the ring.
        pass(HoleEvent(job.name(), position_ + 1, first - 1, job.visible()->update_time()));
        skip_load_ = false;
        continue;
      }
      batch.kind = Kind::kLoad;
      break;
    }
    if (!events.empty()) batch.kind = Kind::kEvents;
  }
  const auto token = [&](int64_t seq) {
    return SealResume(queue_->sealer(), {job_uid_, log_generation, seq});
  };
  for (const auto& event : events) {
    *batch.response.add_events() = *event;
    batch.response.add_event_tokens(token(event->seq()));
  }
  batch.response.set_resume_token(token(position_));
  return batch;
}

void EventCursor::Load() {
  if (loaded_used_ < loaded_.size() || !failed_.ok()) return;
  absl::StatusOr<EventPage> page = queue_->history_.ReadEvents(job_uid_, position_, kLoadEvents);
  loaded_.clear();
  loaded_used_ = 0;
  if (!page.ok()) {
    failed_ = page.status();
    return;
  }
  loaded_ = std::move(page->events);
  skip_load_ = loaded_.empty();
}

}  // namespace graphkiln::coordinator
