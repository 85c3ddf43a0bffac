// A streaming gRPC call over the method table: drives a Stream (stream.h).
//
// Every event (a read or a write is done, cancelled, woken, drained) leaves a mark and signals;
// whoever signals first runs the marks off, one thread at a time, with no lock held across a gRPC
// operation or a handler. One read and one write are in flight at most, Finish is called once on
// every path, and nothing is touched after it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <set>

#include "services/coordinator/rpc/dispatcher.h"

namespace graphkiln::coordinator {

class StreamRegistry;

class StreamReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public StreamSink,
                            public std::enable_shared_from_this<StreamReactor> {
 public:
  StreamReactor(Dispatcher& dispatcher, StreamRegistry& registry, const MethodEntry& method);

  /// Called once, by the service, before gRPC sees the reactor.
  void Start(grpc::CallbackServerContext* context);
  /// Ends the call with UNAVAILABLE. Any thread.
  void Drain();

  // StreamSink. Any thread.
  void Wake() override;
  void ResumeReading() override;

  // Reactions.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  enum Mark : uint32_t {
    kReadOk = 1,
    kReadEnd = 2,
    kWriteOk = 4,
    kWriteFailed = 8,
    kCancelled = 16,
    kDrain = 32,
    kResume = 64,
  };

  void Signal(uint32_t marks);
  void Run();
  void AfterRead(bool ok);
  void ReadOn();
  void PullOn();
  void End(const absl::Status& status);

  Dispatcher& dispatcher_;
  StreamRegistry& registry_;
  const MethodEntry& method_;
  const absl::Duration received_;
  std::shared_ptr<StreamReactor> self_;  // until OnDone

  std::atomic<uint32_t> marks_{0};
  std::atomic<uint32_t> signals_{0};

  // Owned by whoever runs.
  CallPtr call_;
  std::shared_ptr<Stream> stream_;
  std::unique_ptr<google::protobuf::Message> response_;
  grpc::ByteBuffer read_buffer_;
  grpc::ByteBuffer write_buffer_;
  absl::Status refused_;  // why the call was not let in
  bool got_request_ = false;
  bool reading_ = false;
  bool may_read_ = true;
  bool read_ended_ = false;
  bool writing_ = false;
  bool cancelled_ = false;
  bool draining_ = false;
  bool finished_ = false;
};

/// The live streams, for draining. Thread-safe.
class StreamRegistry {
 public:
  void Add(const std::shared_ptr<StreamReactor>& stream);
  void Remove(StreamReactor* stream);
  void DrainAll();
  size_t size() const;

 private:
  mutable std::mutex mu_;
  std::set<std::shared_ptr<StreamReactor>> streams_;  // guarded by mu_
};

}  // namespace graphkiln::coordinator
