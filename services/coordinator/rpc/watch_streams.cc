#include "services/coordinator/rpc/watch_streams.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/token.h"
#include "services/coordinator/rpc/posted_wake.h"

namespace graphkiln::coordinator {
namespace {

constexpr size_t kBatchEvents = 500;
constexpr size_t kTailBatchBytes = 256 * 1024;
constexpr int32_t kLongestTail = 10'000;

}  // namespace

void CursorStream::Open(absl::StatusOr<std::shared_ptr<EventCursor>> cursor) {
  if (!cursor.ok()) {
    failure_ = cursor.status();
    return;
  }
  cursor_ = *std::move(cursor);
  cursor_->SetListener(PostedWake(*services_.wakes, sink_));
  last_sent_ = services_.clock->Monotonic();
}

Stream::Next CursorStream::Pull(google::protobuf::Message* response, absl::Status* status) {
  if (!failure_.ok()) {
    *status = failure_;
    return Next::kFinish;
  }
  if (Loading()) return Next::kWait;
  const absl::Duration now = services_.clock->Monotonic();
  if (now >= alarm_when_) {
    alarm_ = 0;
    alarm_when_ = absl::InfiniteDuration();
  }
  if (now < not_before_) {
    WakeAt(not_before_);
    return Next::kWait;
  }
  EventCursor::Batch batch = cursor_->Next(kBatchEvents);
  switch (batch.kind) {
    case EventCursor::Kind::kEvents: {
      // A full batch means that there is more: catching up is not paced.
      const bool live = static_cast<size_t>(batch.response.events_size()) < kBatchEvents / 2;
      if (live) not_before_ = now + services_.coalesce_interval;
      last_sent_ = now;
      Fill(batch.response, response);
      return Next::kMessage;
    }
    case EventCursor::Kind::kWait:
      if (EndsWhenIdle()) return Next::kFinish;
      if (now - last_sent_ >= services_.progress_interval) {
        last_sent_ = now;
        if (FillProgress(batch.response, response)) return Next::kMessage;
      }
      WakeAt(last_sent_ + services_.progress_interval);
      return Next::kWait;
    case EventCursor::Kind::kLoad:
      Load();
      return Next::kWait;
    case EventCursor::Kind::kEnd:
      return Next::kFinish;
    case EventCursor::Kind::kError:
      *status = batch.status;
      return Next::kFinish;
  }
  return Next::kWait;
}

void CursorStream::Load() {
  {
    std::lock_guard lock(mu_);
    loading_ = true;
  }
  services_.executor->Post([self = shared_from_this(), cursor = cursor_] {
    cursor->Load();
    {
      std::lock_guard lock(self->mu_);
      self->loading_ = false;
    }
    self->sink_->Wake();
  });
}

bool CursorStream::Loading() {
  std::lock_guard lock(mu_);
  return loading_;
}

void CursorStream::WakeAt(absl::Duration when) {
  if (alarm_ != 0 && alarm_when_ <= when) return;  // the earlier one looks again
  services_.alarms->Cancel(alarm_);
  alarm_when_ = when;
  alarm_ = services_.alarms->At(when, [sink = sink_] { sink->Wake(); });
}

void CursorStream::OnClosed() {
  services_.alarms->Cancel(alarm_);
  alarm_ = 0;
  if (cursor_ == nullptr) return;
  cursor_->SetListener({});
  cursor_.reset();
}

bool WatchJobStream::OnMessage(google::protobuf::Message& request) {
  const auto& asked = static_cast<const v1::WatchJobRequest&>(request);
  const auto types = ParseEventTypes({asked.types().begin(), asked.types().end()});
  if (!types.ok()) {
    Fail(types.status());
    return true;
  }
  Open(services_.queue->Watch(asked.name(), asked.resume_token(), *types));
  return true;
}

void WatchJobStream::Fill(v1::WatchJobResponse& batch, google::protobuf::Message* response) {
  static_cast<v1::WatchJobResponse&>(*response) = std::move(batch);
}

bool WatchJobStream::FillProgress(v1::WatchJobResponse& batch,
                                  google::protobuf::Message* response) {
  static_cast<v1::WatchJobResponse&>(*response).set_resume_token(batch.resume_token());
  return true;
}

bool TailLogsStream::OnMessage(google::protobuf::Message& request) {
  const auto& asked = static_cast<const v1::TailLogsRequest&>(request);
  follow_ = asked.follow();
  job_ = asked.name();
  if (asked.tail() < 0) {
    Fail(FieldError("tail", "must not be negative"));
    return true;
  }
  const auto types = ParseEventTypes({"log"});
  if (asked.tail() == 0) {
    Open(services_.queue->Watch(job_, "", *types));
    return true;
  }
  const auto job = services_.queue->Get(job_);
  if (!job.ok()) {
    Fail(job.status());
    return true;
  }
  ReadTail(*job, std::min(asked.tail(), kLongestTail));
  return true;
}

void TailLogsStream::ReadTail(const v1::Job& job, int64_t count) {
  {
    std::lock_guard lock(tail_mu_);
    reading_tail_ = true;
    open_after_tail_ = true;
  }
  services_.executor->Post([self = shared_from_this(), this, uid = job.uid(), count] {
    const auto types = ParseEventTypes({"log"});
    auto page = services_.store->ReadLastEventsOfTypes(uid, *types, count);
    {
      std::lock_guard lock(tail_mu_);
      reading_tail_ = false;
      if (page.ok()) {
        tail_ = std::move(page->events);
      } else {
        tail_failure_ = page.status();
      }
    }
    sink_->Wake();
  });
}

Stream::Next TailLogsStream::Pull(google::protobuf::Message* response, absl::Status* status) {
  {
    std::lock_guard lock(tail_mu_);
    if (reading_tail_) return Next::kWait;
    if (!tail_failure_.ok()) {
      *status = tail_failure_;
      return Next::kFinish;
    }
    if (tail_sent_ < tail_.size()) {
      auto& lines = static_cast<v1::TailLogsResponse&>(*response);
      for (size_t bytes = 0; tail_sent_ < tail_.size() && bytes < kTailBatchBytes; ++tail_sent_) {
        bytes += tail_[tail_sent_]->ByteSizeLong();
        *lines.add_events() = *tail_[tail_sent_];
      }
      return Next::kMessage;
    }
    if (open_after_tail_) {
      if (!follow_) return Next::kFinish;
      open_after_tail_ = false;
      const auto types = ParseEventTypes({"log"});
      auto cursor = services_.queue->Watch(job_, "", *types);
      if (cursor.ok() && !tail_.empty()) {
        // Continue behind the last line: the token of the beginning tells job and log.
        const auto begin =
            OpenResume(services_.queue->sealer(), (*cursor)->Next(0).response.resume_token());
        if (begin.ok()) {
          ResumePosition behind = *begin;
          behind.seq = tail_.back()->seq();
          cursor =
              services_.queue->Watch(job_, SealResume(services_.queue->sealer(), behind), *types);
        }
      }
      tail_.clear();
      tail_sent_ = 0;
      Open(std::move(cursor));
    }
  }
  return CursorStream::Pull(response, status);
}

void TailLogsStream::Fill(v1::WatchJobResponse& batch, google::protobuf::Message* response) {
  static_cast<v1::TailLogsResponse&>(*response).mutable_events()->Swap(batch.mutable_events());
}

}  // namespace graphkiln::coordinator
