// WatchJob and TailLogs: readers of a job's log over an EventCursor.
//
// A batch goes out when the previous one has been taken; live batches keep 50 ms distance so that a
// fast job costs its watchers 20 messages a second, and an idle watch sends its token every 15 s.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "graphkiln/v1/job_service.pb.h"
#include "services/coordinator/core/event_cursor.h"
#include "services/coordinator/rpc/services.h"
#include "services/coordinator/rpc/stream.h"

namespace graphkiln::coordinator {

/// Paces a cursor, loads history on the executor, and keeps the alarm.
class CursorStream : public Stream, public std::enable_shared_from_this<CursorStream> {
 public:
  CursorStream(Services& services, std::shared_ptr<StreamSink> sink)
      : services_(services), sink_(std::move(sink)) {}

  Next Pull(google::protobuf::Message* response, absl::Status* status) override;
  void OnClosed() override;

 protected:
  /// Opens the cursor; its error ends the call.
  void Open(absl::StatusOr<std::shared_ptr<EventCursor>> cursor);
  void Fail(absl::Status status) { failure_ = std::move(status); }
  /// Fills in the response with a batch.
  virtual void Fill(v1::WatchJobResponse& batch, google::protobuf::Message* response) = 0;
  /// A token-only message for an idle watch; false: none.
  virtual bool FillProgress(v1::WatchJobResponse& batch, google::protobuf::Message* response) = 0;
  /// True: end with OK instead of waiting for more.
  virtual bool EndsWhenIdle() const { return false; }

  Services& services_;
  const std::shared_ptr<StreamSink> sink_;

 private:
  void Load();
  void WakeAt(absl::Duration when);
  bool Loading();

  // Owned by the transport's calls.
  absl::Status failure_;
  std::shared_ptr<EventCursor> cursor_;
  absl::Duration last_sent_ = -absl::InfiniteDuration();
  absl::Duration not_before_ = -absl::InfiniteDuration();
  uint64_t alarm_ = 0;
  absl::Duration alarm_when_ = absl::InfiniteDuration();

  std::mutex mu_;
  bool loading_ = false;  // guarded by mu_
};

class WatchJobStream final : public CursorStream {
 public:
  using CursorStream::CursorStream;
  bool OnMessage(google::protobuf::Message& request) override;

 private:
  void Fill(v1::WatchJobResponse& batch, google::protobuf::Message* response) override;
  bool FillProgress(v1::WatchJobResponse& batch, google::protobuf::Message* response) override;
};

class TailLogsStream final : public CursorStream {
 public:
  using CursorStream::CursorStream;
  bool OnMessage(google::protobuf::Message& request) override;
  Next Pull(google::protobuf::Message* response, absl::Status* status) override;

 private:
  void ReadTail(const v1::Job& job, int64_t count);
  void Fill(v1::WatchJobResponse& batch, google::protobuf::Message* response) override;
  bool FillProgress(v1::WatchJobResponse&, google::protobuf::Message*) override { return false; }
  bool EndsWhenIdle() const override { return !follow_; }

  bool follow_ = false;
  std::string job_;

  // The last lines, read before the cursor opens.
  std::mutex tail_mu_;
  bool reading_tail_ = false;                           // guarded by tail_mu_
  absl::Status tail_failure_;                           // guarded by tail_mu_
  std::string tail_token_;                              // guarded by tail_mu_
  std::vector<std::shared_ptr<const v1::Event>> tail_;  // guarded by tail_mu_
  size_t tail_sent_ = 0;                                // guarded by tail_mu_
  bool open_after_tail_ = false;                        // guarded by tail_mu_
};

}  // namespace graphkiln::coordinator
