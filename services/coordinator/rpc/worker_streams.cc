#include "services/coordinator/rpc/worker_streams.h"

#include <algorithm>

#include "common/base/status.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/names.h"
#include "services/coordinator/rpc/posted_wake.h"

namespace graphkiln::coordinator {

uint64_t WorkerStreams::Opened(const std::string& worker) {
  std::lock_guard lock(mu_);
  return latest_[worker] = next_++;
}

bool WorkerStreams::Closed(const std::string& worker, uint64_t stream) {
  std::lock_guard lock(mu_);
  const auto it = latest_.find(worker);
  if (it == latest_.end() || it->second != stream) return false;
  latest_.erase(it);
  return true;
}

absl::Status ConnectStream::Check(const worker::v1::ConnectRequest& report) {
  ASSIGN_OR_RETURN(const std::string worker, CanonicalWorkerName(report.worker()));
  if (worker_.empty()) return call_->principal.workers.Check(worker);
  if (worker != worker_ || report.incarnation() != incarnation_) {
    return FieldError("worker", "a stream belongs to one worker and incarnation");
  }
  return absl::OkStatus();
}

bool ConnectStream::OnMessage(google::protobuf::Message& request) {
  const auto& report = static_cast<const worker::v1::ConnectRequest&>(request);
  failure_ = Check(report);
  if (!failure_.ok()) return true;
  auto answer = services_.queue->Report(report);
  if (!answer.ok()) {
    failure_ = answer.status();
    return true;
  }
  answer_ = *std::move(answer);
  if (!worker_.empty()) return true;
  worker_ = *CanonicalWorkerName(report.worker());
  incarnation_ = report.incarnation();
  stream_ = streams_->Opened(worker_);
  listener_ = services_.queue->AddOrdersListener(
      worker_, [push = push_, wake = PostedWake(*services_.wakes, sink_)] {
        push->store(true);
        wake();
      });
  push_->store(true);  // what changed before the listener was there
  return true;
}

Stream::Next ConnectStream::Pull(google::protobuf::Message* response, absl::Status* status) {
  if (!failure_.ok()) {
    *status = failure_;
    return Next::kFinish;
  }
  auto& wish = static_cast<worker::v1::ConnectResponse&>(*response);
  if (answer_.has_value()) {
    wish = *std::move(answer_);
    answer_.reset();
    return Next::kMessage;
  }
  if (half_closed_) return Next::kFinish;
  if (!push_->exchange(false)) return Next::kWait;
  auto orders = services_.queue->OrdersFor(worker_);
  if (!orders.ok()) {
    *status = orders.status();
    return Next::kFinish;
  }
  wish = *std::move(orders);
  return Next::kMessage;
}

void ConnectStream::OnClosed() {
  if (worker_.empty()) return;
  services_.queue->RemoveOrdersListener(listener_);
  if (streams_->Closed(worker_, stream_)) services_.queue->StreamClosed(worker_, incarnation_);
}

bool PublishStream::OnMessage(google::protobuf::Message& request) {
  auto& publish = static_cast<worker::v1::PublishEventsRequest&>(request);
  const LeaseKey lease(publish.job(), publish.lease_epoch());
  {
    std::lock_guard lock(mu_);
    ++under_way_;
  }
  services_.queue->PublishEvents(
      std::move(publish),
      [self = shared_from_this(), lease](const absl::StatusOr<PublishResult>& result) {
        self->Answered(lease, result);
      },
      call_->principal.workers);
  std::lock_guard lock(mu_);
  held_back_ = under_way_ >= kMostUnderWay;
  return !held_back_;
}

void PublishStream::Answered(const LeaseKey& lease, const absl::StatusOr<PublishResult>& result) {
  bool resume = false;
  {
    std::lock_guard lock(mu_);
    --under_way_;
    resume = held_back_ && under_way_ < kMostUnderWay;
    if (resume) held_back_ = false;
    if (!result.ok()) {
      if (failure_.ok()) failure_ = result.status();
    } else {
      PublishResult& latest = answers_[lease];
      latest.acknowledged_seq = std::max(latest.acknowledged_seq, result->acknowledged_seq);
      latest.fenced = latest.fenced || result->fenced;
    }
  }
  if (resume) sink_->ResumeReading();
  sink_->Wake();
}

Stream::Next PublishStream::Pull(google::protobuf::Message* response, absl::Status* status) {
  std::lock_guard lock(mu_);
  if (!answers_.empty()) {
    const auto first = answers_.begin();
    auto& answer = static_cast<worker::v1::PublishEventsResponse&>(*response);
    answer.set_job(first->first.first);
    answer.set_lease_epoch(first->first.second);
    answer.set_acknowledged_seq(first->second.acknowledged_seq);
    answer.set_fenced(first->second.fenced);
    answers_.erase(first);
    return Next::kMessage;
  }
  // What was durable has been told first; the worker sends the rest again on a new stream.
  if (!failure_.ok()) {
    *status = failure_;
    return Next::kFinish;
  }
  return half_closed_ && under_way_ == 0 ? Next::kFinish : Next::kWait;
}

}  // namespace graphkiln::coordinator
