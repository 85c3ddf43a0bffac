// The two streams of WorkerService. Level-triggered: of waiting answers only the latest is sent.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "common/base/strings.h"
#include "graphkiln/worker/v1/worker_service.pb.h"
#include "services/coordinator/rpc/services.h"
#include "services/coordinator/rpc/stream.h"

namespace graphkiln::coordinator {

/// Which stream a worker speaks on now: the end of an older one says nothing. Thread-safe.
class WorkerStreams {
 public:
  uint64_t Opened(const std::string& worker);
  /// True when `stream` was the worker's latest.
  bool Closed(const std::string& worker, uint64_t stream);

 private:
  std::mutex mu_;
  uint64_t next_ = 1;           // guarded by mu_
  StringMap<uint64_t> latest_;  // guarded by mu_
};

/// Connect: reports in, wishes out, pushes when the wish has changed.
class ConnectStream final : public Stream {
 public:
  ConnectStream(Services& services, CallPtr call, std::shared_ptr<WorkerStreams> streams,
                std::shared_ptr<StreamSink> sink)
      : services_(services),
        call_(std::move(call)),
        streams_(std::move(streams)),
        sink_(std::move(sink)) {}

  bool OnMessage(google::protobuf::Message& request) override;
  void OnHalfClose() override { half_closed_ = true; }
  Next Pull(google::protobuf::Message* response, absl::Status* status) override;
  void OnClosed() override;

 private:
  absl::Status Check(const worker::v1::ConnectRequest& report);

  Services& services_;
  const CallPtr call_;
  const std::shared_ptr<WorkerStreams> streams_;
  const std::shared_ptr<StreamSink> sink_;

  // Owned by the transport's calls.
  std::string worker_;
  std::string incarnation_;
  uint64_t stream_ = 0;
  uint64_t listener_ = 0;
  bool half_closed_ = false;
  absl::Status failure_;
  std::optional<worker::v1::ConnectResponse> answer_;

  const std::shared_ptr<std::atomic<bool>> push_ = std::make_shared<std::atomic<bool>>(false);
};

/// PublishEvents: a few batches are under way at a time, acknowledged when durable.
class PublishStream final : public Stream, public std::enable_shared_from_this<PublishStream> {
 public:
  PublishStream(Services& services, CallPtr call, std::shared_ptr<StreamSink> sink)
      : services_(services), call_(std::move(call)), sink_(std::move(sink)) {}

  bool OnMessage(google::protobuf::Message& request) override;
  void OnHalfClose() override { half_closed_ = true; }
  Next Pull(google::protobuf::Message* response, absl::Status* status) override;

 private:
  using LeaseKey = std::pair<std::string, int64_t>;
  void Answered(const LeaseKey& lease, const absl::StatusOr<PublishResult>& result);

  static constexpr int kMostUnderWay = 8;

  Services& services_;
  const CallPtr call_;
  const std::shared_ptr<StreamSink> sink_;
  bool half_closed_ = false;  // owned by the transport's calls

  std::mutex mu_;
  int under_way_ = 0;                          // guarded by mu_
  bool held_back_ = false;                     // guarded by mu_; reading waits
  absl::Status failure_;                       // guarded by mu_
  std::map<LeaseKey, PublishResult> answers_;  // guarded by mu_; latest per lease
};

}  // namespace graphkiln::coordinator
