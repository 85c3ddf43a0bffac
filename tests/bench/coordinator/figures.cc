#include "tests/bench/coordinator/figures.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <optional>
#include <utility>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "fmt/format.h"
#include "graphkiln/v1/ir.pb.h"
#include "services/coordinator/core/job_queue.h"

namespace graphkiln::coordinator::bench {
namespace {

using worker::v1::ConnectRequest;
using worker::v1::FinishLeaseRequest;
using worker::v1::HeldLease;
using worker::v1::LeaseOrder;
using worker::v1::PublishEventsRequest;

double Now() { return absl::ToDoubleSeconds(SystemClock().Monotonic()); }

// Counts what is under way; the first failure is kept.
class Tally {
 public:
  void Begin(int most) {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [&] { return under_way_ < most; });
    ++under_way_;
  }
  void End(const absl::Status& status) {
    std::lock_guard lock(mu_);
    --under_way_;
    if (failure_.ok()) failure_ = status;
    changed_.notify_all();
  }
  absl::Status Wait() {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [&] { return under_way_ == 0; });
    return failure_;
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  int under_way_ = 0;
  absl::Status failure_;
};

SubmitArgs Job(std::string id) {
  v1::IrModule ir;
  ir.set_schema_version(1);
  SubmitArgs args;
  args.job_id = std::move(id);
  args.owner = "bench";
  args.graph_hash = std::string(64, 'a');
  args.graph_bytes = std::string(2'000, 'g');
  args.ir_bytes = ir.SerializeAsString();
  args.spec.set_kind(v1::JOB_KIND_TRAIN);
  args.spec.mutable_optimizer()->set_type("Adam");
  args.spec.set_epochs(10);
  args.total_steps = 1'000;
  return args;
}

// A worker with one slot.
class Worker {
 public:
  Worker(JobQueue& queue, std::string name) : queue_(queue), name_("workers/" + std::move(name)) {
    listener_ = queue_.AddOrdersListener(name_, [this] {
      std::lock_guard lock(mu_);
      pushed_ = true;
      changed_.notify_all();
    });
  }
  ~Worker() {
    queue_.RemoveOrdersListener(listener_);
    // So that no later job waits for it.
    queue_.StreamClosed(name_, "bench");
  }

  absl::Status Report(const LeaseOrder* held) {
    ConnectRequest report;
    report.set_worker(name_);
    report.set_incarnation("bench");
    report.set_report_seq(++report_seq_);
    report.mutable_status()->set_state(worker::v1::WorkerStatus::STATE_ACTIVE);
    report.mutable_inventory()->set_slots(1);
    report.mutable_inventory()->set_cores(8);
    if (held != nullptr) {
      HeldLease& lease = *report.add_held();
      lease.set_job(held->job());
      lease.set_lease_epoch(held->lease_epoch());
      lease.set_phase(HeldLease::PHASE_RUNNING);
    }
    return queue_.Report(report).status();
  }
  absl::StatusOr<LeaseOrder> AwaitOrder() {
    while (true) {
      ASSIGN_OR_RETURN(const auto wish, queue_.OrdersFor(name_));
      for (const LeaseOrder& order : wish.orders()) {
        if (order.action() == LeaseOrder::ACTION_RUN) return order;
      }
      std::unique_lock lock(mu_);
      changed_.wait(lock, [&] { return pushed_; });
      pushed_ = false;
    }
  }
  absl::Status Finish(const LeaseOrder& order) {
    FinishLeaseRequest finish;
    finish.set_job(order.job());
    finish.set_lease_epoch(order.lease_epoch());
    finish.set_outcome(FinishLeaseRequest::OUTCOME_SUCCEEDED);
    Tally tally;
    tally.Begin(1);
    queue_.FinishLease(finish, [&](const auto& answer) { tally.End(answer.status()); });
    RETURN_IF_ERROR(tally.Wait());
    return Report(nullptr);
  }

 private:
  JobQueue& queue_;
  const std::string name_;
  uint64_t listener_ = 0;
  uint64_t report_seq_ = 0;
  std::mutex mu_;
  std::condition_variable changed_;
  bool pushed_ = false;  // guarded by mu_
};

absl::Status SubmitOne(JobQueue& queue, SubmitArgs args) {
  Tally tally;
  tally.Begin(1);
  queue.Submit(std::move(args), [&](const auto& job) { tally.End(job.status()); });
  return tally.Wait();
}

}  // namespace

absl::StatusOr<double> RawSyncsPerSecond(const std::string& folder) {
  const std::string path = JoinPath(folder, "raw-syncs");
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return absl::InternalError("cannot write " + path);
  const std::string block(4096, 'x');
  constexpr double kSeconds = 1.0;
  const double start = Now();
  int64_t count = 0;
  bool good = true;
  while (good && Now() - start < kSeconds) {
    good = ::pwrite(fd, block.data(), block.size(), static_cast<off_t>(count % 1024) * 4096) ==
               static_cast<ssize_t>(block.size()) &&
           ::fdatasync(fd) == 0;
    ++count;
  }
  const double seconds = Now() - start;
  ::close(fd);
  RETURN_IF_ERROR(RemoveFile(path));
  if (!good) return absl::InternalError("cannot write " + path);
  return static_cast<double>(count) / seconds;
}

absl::StatusOr<double> SubmitsPerSecond(Server& server, int count, int clients) {
  Tally tally;
  const double start = Now();
  for (int i = 0; i < count; ++i) {
    tally.Begin(clients);
    server.queue().Submit(Job(fmt::format("s{}", i)),
                          [&](const auto& job) { tally.End(job.status()); });
  }
  RETURN_IF_ERROR(tally.Wait());
  return count / (Now() - start);
}

absl::StatusOr<double> PointsPerSecond(Server& server, int64_t points) {
  constexpr int kBatch = 2'000;     // as a worker sends them
  constexpr int kMostUnderWay = 8;  // as the stream allows
  JobQueue& queue = server.queue();
  Worker worker(queue, "points");
  RETURN_IF_ERROR(worker.Report(nullptr));
  RETURN_IF_ERROR(SubmitOne(queue, Job("points")));
  ASSIGN_OR_RETURN(const LeaseOrder order, worker.AwaitOrder());
  RETURN_IF_ERROR(worker.Report(&order));
  Tally tally;
  int64_t sent = 0;
  double making = 0;  // the worker's own work
  const double start = Now();
  while (sent < points) {
    const double before = Now();
    PublishEventsRequest request;
    request.set_job(order.job());
    request.set_lease_epoch(order.lease_epoch());
    for (int i = 0; i < kBatch; ++i) {
      ++sent;
      worker::v1::LeaseEvent& event = *request.add_events();
      event.set_worker_seq(static_cast<uint64_t>(sent));
      event.mutable_event()->mutable_step()->set_step(sent);
      event.mutable_event()->mutable_step()->set_epoch(1);
      event.mutable_event()->mutable_step()->set_loss(1.0 / static_cast<double>(sent));
    }
    making += Now() - before;
    tally.Begin(kMostUnderWay);
    queue.PublishEvents(std::move(request),
                        [&](const auto& result) { tally.End(result.status()); });
  }
  RETURN_IF_ERROR(tally.Wait());
  const double seconds = Now() - start - making;
  RETURN_IF_ERROR(worker.Finish(order));
  return static_cast<double>(sent) / seconds;
}

absl::StatusOr<std::vector<double>> DispatchSeconds(Server& server, int rounds) {
  JobQueue& queue = server.queue();
  Worker worker(queue, "dispatch");
  RETURN_IF_ERROR(worker.Report(nullptr));
  std::vector<double> seconds;
  for (int i = 0; i < rounds; ++i) {
    SubmitArgs args = Job(fmt::format("d{}", i));
    Tally tally;
    tally.Begin(1);
    const double start = Now();
    queue.Submit(std::move(args), [&](const auto& job) { tally.End(job.status()); });
    const absl::StatusOr<LeaseOrder> order = worker.AwaitOrder();
    seconds.push_back(Now() - start);
    RETURN_IF_ERROR(tally.Wait());
    RETURN_IF_ERROR(order.status());
    RETURN_IF_ERROR(worker.Report(&*order));
    RETURN_IF_ERROR(worker.Finish(*order));
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t pages = 0;
  int64_t resident = 0;
  statm >> pages >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace graphkiln::coordinator::bench
