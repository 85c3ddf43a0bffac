// Sends the outbox over the PublishEvents stream and hears what is durable. Two threads: one writes
// and re-connects, one reads acknowledgements. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "services/worker/daemon/event_outbox.h"
#include "services/worker/daemon/event_sink.h"
#include "services/worker/daemon/grpc_coordinator.h"

namespace graphkiln::worker {

class EventPublisher final : public EventSink {
 public:
  /// `on_fenced` is called from the reading thread, without locks of this class.
  EventPublisher(EventOutbox::Options options, GrpcCoordinator& coordinator, Clock& clock,
                 RandomSource& random, std::function<void(const LeaseId&)> on_fenced);
  ~EventPublisher() override;

  /// Ends the stream and the threads; no more calls of `on_fenced`. What is appended afterwards
  /// stays where it is.
  void Stop();

  void Open(const LeaseId& id) override;
  void Append(const LeaseId& id, graphkiln::v1::Event event) override;
  bool Flush(const LeaseId& id, absl::Duration timeout, Cancellation& cancellation) override;
  uint64_t last_seq(const LeaseId& id) const override;
  void Close(const LeaseId& id) override;

 private:
  using Stream = grpc::ClientReaderWriter<v1::PublishEventsRequest, v1::PublishEventsResponse>;

  void Run();
  /// One stream from its opening to its end; true when something was acknowledged on it.
  bool RunStream();
  bool ReadAcknowledgements(Stream& stream);

  GrpcCoordinator& coordinator_;
  Clock& clock_;
  RandomSource& random_;
  const std::function<void(const LeaseId&)> on_fenced_;

  mutable std::mutex mu_;  // guards all below
  std::condition_variable changed_;
  EventOutbox outbox_;
  bool stopping_ = false;
  bool stream_ended_ = false;
  grpc::ClientContext* context_ = nullptr;

  std::thread thread_;
};

}  // namespace graphkiln::worker
