#include "services/worker/daemon/control_stream.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "services/worker/daemon/backoff.h"

namespace graphkiln::worker {
namespace {

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

}  // namespace

ControlStream::ControlStream(std::string worker, std::string incarnation,
                             GrpcCoordinator& coordinator, Clock& clock, RandomSource& random,
                             Callbacks callbacks)
    : worker_(std::move(worker)),
      incarnation_(std::move(incarnation)),
      coordinator_(coordinator),
      clock_(clock),
      random_(random),
      callbacks_(std::move(callbacks)),
      thread_([this] { Run(); }) {}

ControlStream::~ControlStream() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
    if (context_ != nullptr) {
      context_->TryCancel();
    }
  }
  changed_.notify_all();
  thread_.join();
}

void ControlStream::ReportNow() {
  {
    std::lock_guard lock(mu_);
    report_now_ = true;
  }
  changed_.notify_all();
}

bool ControlStream::connected() const {
  std::lock_guard lock(mu_);
  return connected_;
}

void ControlStream::Finish(absl::Duration timeout) {
  std::unique_lock lock(mu_);
  finishing_ = true;
  report_now_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, absl::ToChronoMilliseconds(timeout), [this] { return done_; });
}

void ControlStream::Run() {
  Backoff backoff(absl::Milliseconds(500), absl::Seconds(10), random_);
  while (true) {
    bool heard = false;
    RunStream(&heard);
    if (heard) {
      backoff.Reset();
    }
    const absl::Duration pause = backoff.Next();
    std::unique_lock lock(mu_);
    const bool over = changed_.wait_for(lock, absl::ToChronoMilliseconds(pause),
                                        [this] { return stopping_ || finishing_; });
    if (over) {
      break;
    }
  }
  {
    std::lock_guard lock(mu_);
    done_ = true;
  }
  changed_.notify_all();
}

void ControlStream::ReadOrders(Stream& stream) {
  v1::ConnectResponse response;
  while (stream.Read(&response)) {
    bool first;
    {
      std::lock_guard lock(mu_);
      first = !connected_;
      connected_ = true;
      registration_ = response.registration();
      const absl::Duration interval = FromProto(response.report_interval());
      if (interval > absl::ZeroDuration()) {
        // Bounded, so that no mistake of the peer makes this worker flood it or fall silent.
        report_interval_ = std::clamp(interval, absl::Milliseconds(100), absl::Minutes(1));
      }
    }
    changed_.notify_all();
    if (first) {
      KILN_INFO("connected to the coordinator, generation {}", response.coordinator_generation());
    }
    callbacks_.on_orders(response);
  }
  {
    std::lock_guard lock(mu_);
    stream_ended_ = true;
  }
  changed_.notify_all();
}

bool ControlStream::WaitForReport(std::unique_lock<std::mutex>& lock) {
  // The first answer may change the interval while this waits.
  const absl::Duration start = clock_.Monotonic();
  const double jitter = absl::FDivDuration(Jittered(absl::Seconds(1), random_), absl::Seconds(1));
  while (!stopping_ && !stream_ended_ && !report_now_) {
    const absl::Duration left = start + jitter * report_interval_ - clock_.Monotonic();
    if (left <= absl::ZeroDuration()) {
      break;
    }
    changed_.wait_for(lock, absl::ToChronoMilliseconds(left + absl::Milliseconds(1)));
  }
  return !stopping_ && !stream_ended_;
}

void ControlStream::RunStream(bool* heard) {
  grpc::ClientContext context;
  coordinator_.PrepareStream(&context);
  {
    std::lock_guard lock(mu_);
    if (stopping_) {
      return;
    }
    stream_ended_ = false;
    connected_ = false;
    context_ = &context;
  }
  const auto stream = coordinator_.worker_stub().Connect(&context);
  std::thread reader([&] { ReadOrders(*stream); });
  bool first = true;
  bool clean = false;
  while (true) {
    v1::ConnectRequest report;
    bool last;
    {
      std::lock_guard lock(mu_);
      if (stopping_ || stream_ended_) {
        break;
      }
      last = finishing_;
      report_now_ = false;
      report.set_worker(worker_);
      report.set_incarnation(incarnation_);
      report.set_registration(registration_);
      report.set_report_seq(++report_seq_);
    }
    callbacks_.fill_report(first, &report);
    first = false;
    if (!stream->Write(report)) {
      break;
    }
    if (last) {
      clean = stream->WritesDone();
      break;
    }
    std::unique_lock lock(mu_);
    if (!WaitForReport(lock)) {
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
  {
    std::lock_guard lock(mu_);
    context_ = nullptr;
    *heard = connected_;
    connected_ = false;
    if (stopping_ || clean) {
      return;
    }
  }
  KILN_WARN("lost the coordinator ({}): {}", static_cast<int>(status.error_code()),
            status.error_message());
  if (status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) {
    callbacks_.on_superseded(status.error_message());
  }
}

}  // namespace graphkiln::worker
