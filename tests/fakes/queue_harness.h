// A JobQueue with a fake clock and a store in memory, and a worker that follows the protocol when
// told to. For tests of the coordinator's core.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/fake_clock.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/status_matchers.h"
#include "graphkiln/v1/ir.pb.h"
#include "services/coordinator/core/job_queue.h"
#include "tests/fakes/memory_store.h"

namespace graphkiln::coordinator {

inline std::string FakeDigest(char digit) { return std::string(64, digit); }

class QueueHarness {
 public:
  explicit QueueHarness(CoreOptions options = {}) : options_(options), random_(1, "queue harness") {
    SetAbortOnBug(true);
    Start();
  }
  ~QueueHarness() { store.LoseQueue(); }

  /// Ends the process without warning: what was not durable is gone; then starts it again.
  void Crash() {
    store.LoseQueue();
    Start();
  }

  SubmitArgs Args(std::string id) {
    SubmitArgs args;
    args.job_id = std::move(id);
    args.owner = "tester";
    args.graph_hash = FakeDigest('a');
    args.graph_bytes = "graph";
    v1::IrModule ir;
    ir.set_schema_version(1);
    args.ir_bytes = ir.SerializeAsString();
    args.spec.set_kind(v1::JOB_KIND_TRAIN);
    args.request_digest = "of the request";
    return args;
  }

  /// Submits; the answer comes with Flush.
  void SubmitLater(SubmitArgs args, std::optional<absl::StatusOr<v1::Job>>* answer) {
    queue->Submit(std::move(args), [answer](absl::StatusOr<v1::Job> job) { *answer = job; });
  }
  absl::StatusOr<v1::Job> Submit(SubmitArgs args) {
    std::optional<absl::StatusOr<v1::Job>> answer;
    SubmitLater(std::move(args), &answer);
    store.Flush();
    return answer.value_or(absl::DeadlineExceededError("no answer"));
  }
  absl::StatusOr<v1::Job> Submit(std::string id) { return Submit(Args(std::move(id))); }

  v1::Job Get(const std::string& name) {
    store.Flush();
    absl::StatusOr<v1::Job> job = queue->Get(name);
    EXPECT_OK(job.status());
    return job.ok() ? *job : v1::Job();
  }
  v1::JobState State(const std::string& name) { return Get(name).state(); }

  using Verb = void (JobQueue::*)(std::string_view, JobQueue::JobCallback);
  absl::StatusOr<v1::Job> Do(Verb verb, const std::string& name) {
    std::optional<absl::StatusOr<v1::Job>> answer;
    ((*queue).*verb)(name, [&](absl::StatusOr<v1::Job> job) { answer = job; });
    store.Flush();
    return answer.value_or(absl::DeadlineExceededError("no answer"));
  }
  absl::StatusOr<v1::Job> Cancel(const std::string& name,
                                 std::optional<absl::Duration> grace = std::nullopt) {
    std::optional<absl::StatusOr<v1::Job>> answer;
    queue->Cancel(name, grace, [&](absl::StatusOr<v1::Job> job) { answer = job; });
    store.Flush();
    return answer.value_or(absl::DeadlineExceededError("no answer"));
  }

  absl::StatusOr<PublishResult> Publish(const worker::v1::PublishEventsRequest& request) {
    std::optional<absl::StatusOr<PublishResult>> answer;
    queue->PublishEvents(request, [&](absl::StatusOr<PublishResult> result) { answer = result; });
    store.Flush();
    return answer.value_or(absl::DeadlineExceededError("no answer"));
  }
  absl::StatusOr<worker::v1::CommitCheckpointResponse> Checkpoint(const std::string& job,
                                                                  int64_t epoch, int64_t step,
                                                                  const std::string& artifact,
                                                                  bool best = false) {
    worker::v1::CommitCheckpointRequest request;
    request.set_job(job);
    request.set_lease_epoch(epoch);
    request.mutable_checkpoint()->set_step(step);
    request.mutable_checkpoint()->set_artifact(artifact);
    request.mutable_checkpoint()->set_bytes(100);
    request.mutable_checkpoint()->set_best(best);
    std::optional<absl::StatusOr<worker::v1::CommitCheckpointResponse>> answer;
    queue->CommitCheckpoint(request, [&](const auto& result) { answer = result; });
    store.Flush();
    return answer.value_or(absl::DeadlineExceededError("no answer"));
  }
  static worker::v1::FinishLeaseRequest Finish(const std::string& job, int64_t epoch,
                                               worker::v1::FinishLeaseRequest::Outcome outcome,
                                               const std::string& reason = "") {
    worker::v1::FinishLeaseRequest request;
    request.set_job(job);
    request.set_lease_epoch(epoch);
    request.set_outcome(outcome);
    request.set_reason(reason);
    return request;
  }
  absl::StatusOr<v1::JobState> FinishLease(const worker::v1::FinishLeaseRequest& request) {
    std::optional<absl::StatusOr<v1::JobState>> answer;
    queue->FinishLease(request, [&](const auto& result) {
      answer = result.ok() ? absl::StatusOr<v1::JobState>(result->state()) : result.status();
    });
    store.Flush();
    return answer.value_or(absl::DeadlineExceededError("no answer"));
  }

  /// Time passes as in a process that is alive: somebody looks at the clock now and then.
  void Pass(absl::Duration by) {
    while (by > absl::ZeroDuration()) {
      const absl::Duration step = std::min(by, options_.heartbeat);
      clock.Advance(step);
      queue->Tick();
      by -= step;
    }
  }
  void Advance(absl::Duration by) {
    Pass(by);
    store.Flush();
  }

  /// The states that the job's log tells, in order.
  std::vector<v1::JobState> History(const std::string& name) {
    std::vector<v1::JobState> states;
    for (const auto& event : store.events(Get(name).uid())) {
      if (event->has_state()) states.push_back(event->state().state());
    }
    return states;
  }

  FakeClock clock;
  MemoryStore store;
  std::unique_ptr<JobQueue> queue;

 private:
  void Start() {
    queue.reset();
    queue = std::make_unique<JobQueue>(
        options_, JobQueue::Environment{&clock, &random_, &store, &store, &metrics_});
    EXPECT_OK(queue->Restore(store.Load(options_.ring_events)));
  }

  CoreOptions options_;
  Philox random_;
  NullCoreMetrics metrics_;
};

/// A worker daemon reduced to what it reports.
class FakeWorker {
 public:
  FakeWorker(QueueHarness* harness, std::string name, int32_t slots = 1)
      : harness_(harness), name_(std::move(name)), slots_(slots) {
    Restart();
  }

  std::string Name() const { return "workers/" + name_; }

  /// A new process of the same name, holding nothing.
  void Restart() {
    incarnation = fmt::format("{}-{}", name_, ++starts_);
    registration.clear();
    held.clear();
    report_seq = 0;
  }

  worker::v1::ConnectRequest Request() {
    worker::v1::ConnectRequest request;
    request.set_worker("workers/" + name_);
    request.set_incarnation(incarnation);
    request.set_registration(registration);
    request.set_report_seq(++report_seq);
    request.mutable_status()->set_state(status);
    v1::Inventory& inventory = *request.mutable_inventory();
    inventory.set_slots(slots_);
    inventory.set_cores(4);
    inventory.set_memory_bytes(int64_t{8} << 30);
    for (const auto& [job, lease] : held) *request.add_held() = lease;
    return request;
  }

  /// Reports and keeps the wish.
  absl::Status Report() {
    absl::StatusOr<worker::v1::ConnectResponse> response = harness_->queue->Report(Request());
    if (!response.ok()) return response.status();
    wish = *std::move(response);
    registration = wish.registration();
    harness_->store.Flush();
    return absl::OkStatus();
  }

  /// Reports twice and takes what is offered in between: afterwards offers are running.
  absl::Status Sync() {
    RETURN_IF_ERROR(Report());
    absl::StatusOr<worker::v1::ConnectResponse> pushed =
        harness_->queue->OrdersFor("workers/" + name_);
    if (!pushed.ok()) return pushed.status();
    wish = *std::move(pushed);
    TakeOrders();
    return Report();
  }

  /// Holds what it is told to run, drops what it is told nothing about.
  void TakeOrders() {
    std::map<std::string, worker::v1::HeldLease> next;
    for (const worker::v1::LeaseOrder& order : wish.orders()) {
      worker::v1::HeldLease lease;
      lease.set_job(order.job());
      lease.set_lease_epoch(order.lease_epoch());
      lease.set_phase(worker::v1::HeldLease::PHASE_RUNNING);
      const auto it = held.find(order.job());
      if (it != held.end() && it->second.lease_epoch() == order.lease_epoch()) lease = it->second;
      next[order.job()] = lease;
    }
    if (wish.authoritative()) held.clear();
    for (auto& [job, lease] : next) held[job] = lease;
  }

  const worker::v1::LeaseOrder* OrderOf(const std::string& job) const {
    for (const worker::v1::LeaseOrder& order : wish.orders()) {
      if (order.job() == job) return &order;
    }
    return nullptr;
  }

  worker::v1::PublishEventsRequest Steps(const std::string& job, uint64_t first_seq, int count,
                                         int64_t first_step) const {
    worker::v1::PublishEventsRequest request;
    request.set_job(job);
    request.set_lease_epoch(held.at(job).lease_epoch());
    request.set_worker("workers/" + name_);
    for (int i = 0; i < count; ++i) {
      worker::v1::LeaseEvent& event = *request.add_events();
      event.set_worker_seq(first_seq + static_cast<uint64_t>(i));
      event.mutable_event()->mutable_step()->set_step(first_step + i);
      event.mutable_event()->mutable_step()->set_loss(1.0 / static_cast<double>(first_step + i));
    }
    return request;
  }

  std::string incarnation;
  std::string registration;
  uint64_t report_seq = 0;
  worker::v1::WorkerStatus::State status = worker::v1::WorkerStatus::STATE_ACTIVE;
  std::map<std::string, worker::v1::HeldLease> held;
  worker::v1::ConnectResponse wish;

 private:
  QueueHarness* harness_;
  std::string name_;
  int32_t slots_;
  int starts_ = 0;
};

}  // namespace graphkiln::coordinator
