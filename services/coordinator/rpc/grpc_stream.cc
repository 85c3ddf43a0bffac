#include "services/coordinator/rpc/grpc_stream.h"

#include <utility>
#include <vector>

#include "services/coordinator/core/errors.h"
#include "services/coordinator/rpc/grpc_credentials.h"
#include "services/coordinator/rpc/grpc_status.h"

namespace graphkiln::coordinator {

StreamReactor::StreamReactor(Dispatcher& dispatcher, StreamRegistry& registry,
                             const MethodEntry& method)
    : dispatcher_(dispatcher),
      registry_(registry),
      method_(method),
      received_(dispatcher.Received()) {}

void StreamReactor::Start(grpc::CallbackServerContext* context) {
  self_ = shared_from_this();
  registry_.Add(self_);
  auto call = dispatcher_.Admit(method_, CredentialsOf(*context));
  if (call.ok()) {
    call_ = *std::move(call);
    stream_ = method_.stream(call_, self_);
    response_.reset(method_.response->New());
  } else {
    refused_ = call.status();
  }
  Signal(0);
}

void StreamReactor::Drain() { Signal(kDrain); }
void StreamReactor::Wake() { Signal(0); }
void StreamReactor::ResumeReading() { Signal(kResume); }
void StreamReactor::OnReadDone(bool ok) { Signal(ok ? kReadOk : kReadEnd); }
void StreamReactor::OnWriteDone(bool ok) { Signal(ok ? kWriteOk : kWriteFailed); }
void StreamReactor::OnCancel() { Signal(kCancelled); }

void StreamReactor::OnDone() {
  registry_.Remove(this);
  self_.reset();
}

void StreamReactor::Signal(uint32_t marks) {
  const std::shared_ptr<StreamReactor> keep = shared_from_this();
  marks_.fetch_or(marks, std::memory_order_release);
  uint32_t seen = 1;
  if (signals_.fetch_add(1, std::memory_order_acq_rel) != 0) return;  // whoever runs sees the marks
  while (true) {
    Run();
    const uint32_t before = signals_.fetch_sub(seen, std::memory_order_acq_rel);
    if (before == seen) return;
    seen = before - seen;
  }
}

void StreamReactor::Run() {
  const uint32_t marks = marks_.exchange(0, std::memory_order_acquire);
  if ((marks & (kWriteOk | kWriteFailed)) != 0) writing_ = false;
  if ((marks & (kWriteFailed | kCancelled)) != 0) cancelled_ = true;
  if ((marks & kDrain) != 0) draining_ = true;
  if ((marks & kResume) != 0) may_read_ = true;
  if ((marks & (kReadOk | kReadEnd)) != 0) reading_ = false;
  if (finished_) return;
  if (!refused_.ok()) return End(refused_);
  if (cancelled_) {
    // A write in flight comes back at once when the call is cancelled; Finish waits for it.
    if (!writing_) End(absl::CancelledError("the caller gave up"));
    return;
  }
  if (draining_) {
    if (!writing_) return End(Dispatcher::DrainingError());
    return;  // a reader that never takes its message is cut off by the shutdown's deadline
  }
  if ((marks & (kReadOk | kReadEnd)) != 0) AfterRead((marks & kReadOk) != 0);
  if (!finished_) ReadOn();
  if (!finished_) PullOn();
}

void StreamReactor::AfterRead(bool ok) {
  if (!ok) {
    read_ended_ = true;
    if (method_.kind == MethodKind::kServerStream) {
      End(FieldError("request", "the call ended before its request"));
    } else {
      stream_->OnHalfClose();
    }
    return;
  }
  if (const absl::Status size = Dispatcher::CheckSize(method_, read_buffer_.Length()); !size.ok()) {
    return End(size);
  }
  const std::unique_ptr<google::protobuf::Message> request(method_.request->New());
  const absl::Status parsed = ParseBuffer(&read_buffer_, request.get());
  read_buffer_.Clear();
  if (!parsed.ok()) return End(parsed);
  got_request_ = true;
  // The handler may resume before it returns, so the permission is taken away first.
  may_read_ = false;
  if (stream_->OnMessage(*request)) may_read_ = true;
}

void StreamReactor::ReadOn() {
  if (reading_ || read_ended_ || !may_read_) return;
  if (method_.kind == MethodKind::kServerStream && got_request_) return;
  reading_ = true;
  StartRead(&read_buffer_);
}

void StreamReactor::PullOn() {
  if (writing_) return;
  if (method_.kind == MethodKind::kServerStream && !got_request_) return;
  response_->Clear();
  absl::Status status;
  switch (stream_->Pull(response_.get(), &status)) {
    case Stream::Next::kWait:
      return;
    case Stream::Next::kFinish:
      return End(status);
    case Stream::Next::kMessage:
      break;
  }
  write_buffer_.Clear();
  status = SerializeToBuffer(*response_, &write_buffer_);
  if (!status.ok()) return End(status);
  writing_ = true;
  StartWrite(&write_buffer_);
}

void StreamReactor::End(const absl::Status& status) {
  finished_ = true;
  dispatcher_.Finished(method_, status.code(), received_);
  if (stream_ != nullptr) {
    stream_->OnClosed();
    stream_.reset();
  }
  Finish(ToGrpcStatus(status));
}

void StreamRegistry::Add(const std::shared_ptr<StreamReactor>& stream) {
  std::lock_guard lock(mu_);
  streams_.insert(stream);
}

void StreamRegistry::Remove(StreamReactor* stream) {
  std::shared_ptr<StreamReactor> dropped;  // destroyed without the lock
  std::lock_guard lock(mu_);
  const auto it = streams_.find(stream->shared_from_this());
  if (it == streams_.end()) return;
  dropped = *it;
  streams_.erase(it);
}

void StreamRegistry::DrainAll() {
  std::vector<std::shared_ptr<StreamReactor>> streams;
  {
    std::lock_guard lock(mu_);
    streams.assign(streams_.begin(), streams_.end());
  }
  for (const auto& stream : streams) stream->Drain();
}

size_t StreamRegistry::size() const {
  std::lock_guard lock(mu_);
  return streams_.size();
}

}  // namespace graphkiln::coordinator
