// The Connect stream: reports out, orders in, re-connecting for ever. Two threads: one writes
// reports (at once, every report interval, whenever ReportNow is called) and re-connects, one reads
// orders. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "services/worker/daemon/grpc_coordinator.h"

namespace graphkiln::worker {

class ControlStream {
 public:
  struct Callbacks {
    /// Fills status and held leases, and with `first` the inventory. Called from the writing
    /// thread.
    std::function<void(bool first, v1::ConnectRequest* report)> fill_report;
    /// Called from the reading thread, in order.
    std::function<void(const v1::ConnectResponse& orders)> on_orders;
    /// A newer process has this name: nothing that this one does counts any more.
    std::function<void(const std::string& message)> on_superseded;
  };

  /// `worker` is `workers/{worker}`.
  ControlStream(std::string worker, std::string incarnation, GrpcCoordinator& coordinator,
                Clock& clock, RandomSource& random, Callbacks callbacks);
  /// Ends the stream without a last report.
  ~ControlStream();

  void ReportNow();
  /// Something was heard on the present stream.
  bool connected() const;
  /// Sends a last report and ends the stream cleanly; waits at most `timeout` for that.
  void Finish(absl::Duration timeout);

 private:
  using Stream = grpc::ClientReaderWriter<v1::ConnectRequest, v1::ConnectResponse>;

  void Run();
  void RunStream(bool* heard);
  void ReadOrders(Stream& stream);
  /// Waits until the next report is due; false when the stream or the process ends.
  bool WaitForReport(std::unique_lock<std::mutex>& lock);

  const std::string worker_;
  const std::string incarnation_;
  GrpcCoordinator& coordinator_;
  Clock& clock_;
  RandomSource& random_;
  const Callbacks callbacks_;

  mutable std::mutex mu_;  // guards all below
  mutable std::condition_variable changed_;
  std::string registration_;
  uint64_t report_seq_ = 0;
  absl::Duration report_interval_ = absl::Seconds(5);
  bool report_now_ = false;
  bool connected_ = false;
  bool stream_ended_ = false;
  bool finishing_ = false;
  bool stopping_ = false;
  bool done_ = false;
  grpc::ClientContext* context_ = nullptr;

  std::thread thread_;
};

}  // namespace graphkiln::worker
