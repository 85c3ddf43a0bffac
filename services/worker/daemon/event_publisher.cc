#include "services/worker/daemon/event_publisher.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/status.h"
#include "services/worker/daemon/backoff.h"

namespace graphkiln::worker {

EventPublisher::EventPublisher(EventOutbox::Options options, GrpcCoordinator& coordinator,
                               Clock& clock, RandomSource& random,
                               std::function<void(const LeaseId&)> on_fenced)
    : coordinator_(coordinator),
      clock_(clock),
      random_(random),
      on_fenced_(std::move(on_fenced)),
      outbox_(std::move(options)),
      thread_([this] { Run(); }) {}

EventPublisher::~EventPublisher() { Stop(); }

void EventPublisher::Stop() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
    if (context_ != nullptr) {
      context_->TryCancel();
    }
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void EventPublisher::Open(const LeaseId& id) {
  std::lock_guard lock(mu_);
  outbox_.Open(id);
}

void EventPublisher::Append(const LeaseId& id, graphkiln::v1::Event event) {
  {
    std::lock_guard lock(mu_);
    const absl::Duration before = outbox_.NextFlush();
    outbox_.Append(id, std::move(event), clock_.Monotonic());
    if (outbox_.NextFlush() >= before) {
      return;  // the writer wakes in time anyway
    }
  }
  changed_.notify_all();
}

bool EventPublisher::Flush(const LeaseId& id, absl::Duration timeout, Cancellation& cancellation) {
  Cancellation::Hook hook(cancellation, [this] { changed_.notify_all(); });
  const absl::Duration deadline = clock_.Monotonic() + timeout;
  std::unique_lock lock(mu_);
  outbox_.Hurry(id, clock_.Monotonic());
  changed_.notify_all();
  while (!outbox_.Drained(id)) {
    const absl::Duration left = deadline - clock_.Monotonic();
    if (left <= absl::ZeroDuration() || stopping_ || cancellation.cancelled()) {
      return false;
    }
    // Bounded, as the cancellation may fire between the check and the wait.
    changed_.wait_for(lock, absl::ToChronoMilliseconds(std::min(left, absl::Milliseconds(100))));
  }
  return true;
}

uint64_t EventPublisher::last_seq(const LeaseId& id) const {
  std::lock_guard lock(mu_);
  return outbox_.last_seq(id);
}

void EventPublisher::Close(const LeaseId& id) {
  std::lock_guard lock(mu_);
  outbox_.Close(id);
}

void EventPublisher::Run() {
  Backoff backoff(absl::Milliseconds(500), absl::Seconds(10), random_);
  while (true) {
    if (RunStream()) {
      backoff.Reset();
    }
    const absl::Duration pause = backoff.Next();
    std::unique_lock lock(mu_);
    outbox_.OnStreamBroken(clock_.Monotonic());
    if (changed_.wait_for(lock, absl::ToChronoMilliseconds(pause), [this] { return stopping_; })) {
      return;
    }
  }
}

bool EventPublisher::ReadAcknowledgements(Stream& stream) {
  bool any = false;
  v1::PublishEventsResponse response;
  while (stream.Read(&response)) {
    any = true;
    const LeaseId id{response.job(), response.lease_epoch()};
    {
      std::lock_guard lock(mu_);
      if (response.fenced()) {
        outbox_.Close(id);
      } else {
        outbox_.OnAcknowledged(id, response.acknowledged_seq());
      }
    }
    changed_.notify_all();
    if (response.fenced()) {
      on_fenced_(id);
    }
  }
  {
    std::lock_guard lock(mu_);
    stream_ended_ = true;
  }
  changed_.notify_all();
  return any;
}

bool EventPublisher::RunStream() {
  grpc::ClientContext context;
  coordinator_.PrepareStream(&context);
  {
    std::lock_guard lock(mu_);
    if (stopping_) {
      return false;
    }
    stream_ended_ = false;
    context_ = &context;
  }
  const auto stream = coordinator_.worker_stub().PublishEvents(&context);
  bool acknowledged = false;
  std::thread reader([&] { acknowledged = ReadAcknowledgements(*stream); });
  while (true) {
    std::optional<v1::PublishEventsRequest> request;
    {
      std::unique_lock lock(mu_);
      while (!stopping_ && !stream_ended_) {
        const absl::Duration now = clock_.Monotonic();
        request = outbox_.Take(now);
        if (request.has_value()) {
          break;
        }
        const absl::Duration wait = std::min(outbox_.NextFlush() - now, absl::Seconds(1));
        changed_.wait_for(lock,
                          absl::ToChronoMicroseconds(std::max(wait, absl::Microseconds(100))));
      }
    }
    if (!request.has_value() || !stream->Write(*request)) {
      break;
    }
  }
  {
    // Only a stream that this side leaves is cancelled; for one that broke or that the peer has
    // ended (Write may notice before Read does) that would hide its status.
    std::lock_guard lock(mu_);
    if (stopping_) {
      context.TryCancel();
    }
  }
  reader.join();
  const grpc::Status status = stream->Finish();
  std::lock_guard lock(mu_);
  context_ = nullptr;
  if (!stopping_) {
    KILN_INFO("event stream ended: {}", status.error_message());
  }
  return acknowledged;
}

}  // namespace graphkiln::worker
