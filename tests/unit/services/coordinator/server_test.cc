// The whole coordinator over real gRPC: submit, work, watch, restart, stop.
#include "services/coordinator/server.h"

#include <algorithm>
#include <atomic>

#include "tests/fakes/coordinator_harness.h"

namespace graphkiln::coordinator {
namespace {

using worker::v1::HeldLease;
using worker::v1::LeaseOrder;

v1::Event StepAt(int64_t step, double loss) {
  v1::Event event;
  event.mutable_step()->set_step(step);
  event.mutable_step()->set_epoch(1);
  event.mutable_step()->set_loss(loss);
  return event;
}

v1::Event LogLine(std::string text) {
  v1::Event event;
  event.mutable_log()->set_level("info");
  event.mutable_log()->set_message(std::move(text));
  return event;
}

// Reads a watch to its end.
struct Watched {
  std::vector<v1::Event> events;
  std::vector<std::string> tokens;
  int progress = 0;
  grpc::Status status;
};
Watched Watch(CoordinatorHarness& harness, const std::string& name, const std::string& token = "") {
  Watched watched;
  grpc::ClientContext context;
  v1::WatchJobRequest request;
  request.set_name(name);
  request.set_resume_token(token);
  auto reader = harness.jobs->WatchJob(&context, request);
  v1::WatchJobResponse response;
  while (reader->Read(&response)) {
    EXPECT_EQ(response.events_size(), response.event_tokens_size());
    if (response.events_size() == 0) ++watched.progress;
    for (const auto& event : response.events()) watched.events.push_back(event);
    for (const auto& one : response.event_tokens()) watched.tokens.push_back(one);
  }
  watched.status = reader->Finish();
  return watched;
}

std::vector<v1::JobState> StatesOf(const std::vector<v1::Event>& events) {
  std::vector<v1::JobState> states;
  for (const v1::Event& event : events) {
    if (event.has_state()) states.push_back(event.state().state());
  }
  return states;
}

// Runs the offered job to its end with two steps, a log line, a checkpoint and a file.
void RunToEnd(CoordinatorHarness& harness, WireWorker& worker, const std::string& job) {
  const auto order = worker.AwaitOrder(job, LeaseOrder::ACTION_RUN);
  ASSERT_TRUE(order.has_value());
  ASSERT_TRUE(order->has_spec());
  EXPECT_EQ(order->spec().ir().outputs(order->spec().ir().outputs_size() - 1).name(), "loss");
  EXPECT_FALSE(order->spec().job().graph().has_inline_graph());
  worker.Hold(*order, HeldLease::PHASE_RUNNING);
  EXPECT_EQ(worker.Publish(
                *order, {StepAt(1, 1.5), LogLine("hello"), StepAt(2, 1.25), LogLine("good bye")}),
            4u);
  const std::string bytes = "a checkpoint";
  v1::Artifact artifact;
  ASSERT_TRUE(harness.Upload(Sha256Hex(bytes), bytes, &artifact).ok());
  {
    worker::v1::CommitCheckpointRequest request;
    request.set_job(job);
    request.set_lease_epoch(order->lease_epoch());
    request.mutable_checkpoint()->set_step(2);
    request.mutable_checkpoint()->set_artifact(std::string(64, '0'));
    request.mutable_checkpoint()->set_bytes(static_cast<int64_t>(bytes.size()));
    worker::v1::CommitCheckpointResponse response;
    grpc::ClientContext missing;
    EXPECT_EQ(ReasonOf(worker.stub().CommitCheckpoint(&missing, request, &response)), "NOT_FOUND");
    request.mutable_checkpoint()->set_artifact(artifact.sha256());
    grpc::ClientContext context;
    const grpc::Status status = worker.stub().CommitCheckpoint(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.kept_size(), 1);
  }
  worker::v1::FinishLeaseRequest finish;
  finish.set_job(job);
  finish.set_lease_epoch(order->lease_epoch());
  finish.set_outcome(worker::v1::FinishLeaseRequest::OUTCOME_SUCCEEDED);
  (*finish.mutable_metrics())["accuracy"] = 0.75;
  (*finish.mutable_artifacts())["weights.safetensors"] = artifact.sha256();
  finish.set_step(2);
  finish.set_epoch(1);
  finish.set_last_event_seq(worker.event_seq());
  worker::v1::FinishLeaseResponse response;
  for (int twice = 0; twice < 2; ++twice) {
    grpc::ClientContext context;
    const grpc::Status status = worker.stub().FinishLease(&context, finish, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.state(), v1::JOB_STATE_SUCCEEDED);
  }
  worker.Drop();
}

TEST(ServerTest, RunsAJobFromSubmitToItsEnd) {
  CoordinatorHarness harness;
  const v1::Job accepted = harness.Submit(SmallJob("first"));
  EXPECT_EQ(accepted.name(), "projects/default/jobs/first");
  EXPECT_EQ(accepted.state(), v1::JOB_STATE_QUEUED);
  EXPECT_EQ(accepted.owner(), "local");
  EXPECT_GT(accepted.estimate().peak_bytes(), 0);
  EXPECT_TRUE(accepted.spec().optimizer().params().contains("momentum"));  // defaults are filled in

  Watched watched;
  std::thread watcher([&] { watched = Watch(harness, "first"); });
  WireWorker worker(harness, "w1");
  RunToEnd(harness, worker, accepted.name());
  watcher.join();

  ASSERT_TRUE(watched.status.ok()) << watched.status.error_message();
  EXPECT_EQ(StatesOf(watched.events),
            (std::vector<v1::JobState>{v1::JOB_STATE_QUEUED, v1::JOB_STATE_OFFERED,
                                       v1::JOB_STATE_RUNNING, v1::JOB_STATE_SUCCEEDED}));
  std::vector<double> losses;
  for (size_t i = 0; i < watched.events.size(); ++i) {
    EXPECT_EQ(watched.events[i].seq(), static_cast<int64_t>(i) + 1);
    if (watched.events[i].has_step()) losses.push_back(watched.events[i].step().loss());
  }
  EXPECT_EQ(losses, (std::vector<double>{1.5, 1.25}));

  const v1::Job ended = harness.Job("first");
  EXPECT_EQ(ended.state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(ended.checkpoints_size(), 1);
  EXPECT_DOUBLE_EQ(ended.metrics().at("accuracy"), 0.75);

  // Any later reader sees the same, and a token continues behind its event.
  const Watched again = Watch(harness, "first");
  EXPECT_EQ(again.events.size(), watched.events.size());
  const Watched rest = Watch(harness, "first", again.tokens[1]);
  EXPECT_EQ(rest.events.size(), again.events.size() - 2);
  EXPECT_EQ(rest.events.front().seq(), 3);

  v1::QueryMetricsRequest query;
  query.set_name("first");
  query.add_series("loss");
  v1::QueryMetricsResponse metrics;
  grpc::ClientContext query_context;
  ASSERT_TRUE(harness.jobs->QueryMetrics(&query_context, query, &metrics).ok());
  ASSERT_EQ(metrics.series_size(), 1);
  EXPECT_EQ(metrics.series(0).steps_size(), 2);
  EXPECT_DOUBLE_EQ(metrics.series(0).values(1), 1.25);

  v1::TailLogsRequest tail;
  tail.set_name("first");
  for (const auto& [count, follow, lines] :
       {std::tuple{0, false, 2}, std::tuple{1, false, 1}, std::tuple{1, true, 1}}) {
    tail.set_tail(count);
    tail.set_follow(follow);
    grpc::ClientContext context;
    auto reader = harness.jobs->TailLogs(&context, tail);
    v1::TailLogsResponse response;
    std::vector<std::string> read;
    while (reader->Read(&response)) {
      for (const auto& event : response.events()) read.push_back(event.log().message());
    }
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_EQ(static_cast<int>(read.size()), lines);
    EXPECT_EQ(read.back(), "good bye");
  }

  v1::DownloadArtifactRequest download;
  download.set_name("projects/default/jobs/first/artifacts/weights.safetensors");
  download.set_offset(2);
  grpc::ClientContext context;
  auto reader = harness.artifacts->DownloadArtifact(&context, download);
  v1::DownloadArtifactResponse chunk;
  ASSERT_TRUE(reader->Read(&chunk));
  EXPECT_EQ(chunk.artifact().bytes(), 12);
  EXPECT_EQ(chunk.data(), "checkpoint");
  EXPECT_FALSE(reader->Read(&chunk));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST(ServerTest, KeepsEverythingOverARestart) {
  CoordinatorHarness harness;
  harness.Submit(SmallJob("kept"));
  v1::SubmitJobRequest with_id = SmallJob("");
  with_id.set_request_id("6f1c8f7e-0000-4000-8000-000000000001");
  const v1::Job first = harness.Submit(with_id);
  {
    WireWorker worker(harness, "w1");
    RunToEnd(harness, worker, "projects/default/jobs/kept");
  }
  const Watched before = Watch(harness, "kept");
  harness.Stop();
  harness.Start();
  EXPECT_EQ(harness.Job("kept").state(), v1::JOB_STATE_SUCCEEDED);
  const Watched after = Watch(harness, "kept", before.tokens[0]);
  ASSERT_TRUE(after.status.ok()) << after.status.error_message();
  EXPECT_EQ(after.events.size(), before.events.size() - 1);
  EXPECT_EQ(harness.Submit(with_id).uid(), first.uid());  // the same request, the same job
}

TEST(ServerTest, WatchWaitsShowsProgressAndEndsWhenTheServerStops) {
  ServerOptions options;
  options.progress_interval = absl::Milliseconds(30);
  CoordinatorHarness harness(options);
  harness.Submit(SmallJob("waiting"));
  Watched watched;
  std::atomic<bool> ended{false};
  std::thread watcher([&] {
    grpc::ClientContext context;
    v1::WatchJobRequest request;
    request.set_name("waiting");
    auto reader = harness.jobs->WatchJob(&context, request);
    v1::WatchJobResponse response;
    while (reader->Read(&response)) {
      EXPECT_FALSE(response.resume_token().empty());
      watched.progress += response.events_size() == 0 ? 1 : 0;
      if (watched.progress == 3) ended = true;
    }
    watched.status = reader->Finish();
  });
  EXPECT_TRUE(WaitUntil([&] { return ended.load(); }));
  // Told to end, not cut off: the grace would outlast the test.
  harness.server().Stop(absl::Hours(1));
  watcher.join();
  EXPECT_EQ(watched.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(watched.status), "DRAINING");
}

TEST(ServerTest, StopsWithoutWaitingForAWorkersIdleStreams) {
  CoordinatorHarness harness;
  const v1::Job job = harness.Submit(SmallJob("running"));
  WireWorker worker(harness, "w1");
  const auto order = worker.AwaitOrder(job.name(), LeaseOrder::ACTION_RUN);
  ASSERT_TRUE(order.has_value());
  worker.Hold(*order, HeldLease::PHASE_RUNNING);
  grpc::ClientContext context;
  auto events = worker.stub().PublishEvents(&context);  // open and idle, as a worker keeps it
  worker::v1::PublishEventsRequest request;
  request.set_job(job.name());
  request.set_lease_epoch(order->lease_epoch());
  worker::v1::LeaseEvent* event = request.add_events();
  event->set_worker_seq(1);
  *event->mutable_event() = StepAt(1, 2.0);
  ASSERT_TRUE(events->Write(request));
  worker::v1::PublishEventsResponse answer;
  ASSERT_TRUE(events->Read(&answer));
  // The streams never end by themselves, so this returns only because the server ends them; one
  // that the grace had cut off would carry no reason.
  harness.server().Stop(absl::Hours(1));
  EXPECT_FALSE(events->Read(&answer));
  const grpc::Status ended = events->Finish();
  EXPECT_EQ(ended.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(ended), "DRAINING");
}

TEST(ServerTest, ACancelledWatchLeavesNothingBehind) {
  CoordinatorHarness harness;
  harness.Submit(SmallJob("watched"));
  {
    std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
    std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchJobResponse>>> readers;
    v1::WatchJobRequest request;
    request.set_name("watched");
    for (int i = 0; i < 20; ++i) {
      contexts.push_back(std::make_unique<grpc::ClientContext>());
      readers.push_back(harness.jobs->WatchJob(contexts.back().get(), request));
      v1::WatchJobResponse response;
      EXPECT_TRUE(readers.back()->Read(&response));
    }
    EXPECT_EQ(harness.server().grpc_server().live_streams(), 20u);
    for (size_t i = 0; i < readers.size(); ++i) {
      contexts[i]->TryCancel();
      EXPECT_EQ(readers[i]->Finish().error_code(), grpc::StatusCode::CANCELLED);
    }
  }
  EXPECT_TRUE(WaitUntil([&] { return harness.server().grpc_server().live_streams() == 0; }));
}

TEST(ServerTest, ASlowReaderHoldsUpNobodyAndMissesNothing) {
  CoordinatorHarness harness;
  const v1::Job job = harness.Submit(SmallJob("busy"));
  // Takes nothing but its first message until the job has ended.
  auto slow_stub = v1::JobService::NewStub(harness.NewChannel(/*lookahead=*/65536));
  grpc::ClientContext slow_context;
  v1::WatchJobRequest request;
  request.set_name("busy");
  auto slow = slow_stub->WatchJob(&slow_context, request);
  v1::WatchJobResponse response;
  ASSERT_TRUE(slow->Read(&response));
  int64_t last = response.events(response.events_size() - 1).seq();

  WireWorker worker(harness, "w1");
  const auto order = worker.AwaitOrder(job.name(), LeaseOrder::ACTION_RUN);
  ASSERT_TRUE(order.has_value());
  worker.Hold(*order, HeldLease::PHASE_RUNNING);
  constexpr int kBatches = 20;
  constexpr int kLines = 200;
  for (int batch = 0; batch < kBatches; ++batch) {
    std::vector<v1::Event> events(kLines, LogLine(std::string(200, 'x')));
    worker.Publish(*order, events);
  }
  worker::v1::FinishLeaseRequest finish;
  finish.set_job(job.name());
  finish.set_lease_epoch(order->lease_epoch());
  finish.set_outcome(worker::v1::FinishLeaseRequest::OUTCOME_SUCCEEDED);
  finish.set_last_event_seq(worker.event_seq());
  worker::v1::FinishLeaseResponse finished;
  grpc::ClientContext context;
  ASSERT_TRUE(worker.stub().FinishLease(&context, finish, &finished).ok());

  int lines = 0;
  while (slow->Read(&response)) {
    for (const auto& event : response.events()) {
      EXPECT_EQ(event.seq(), last + 1);
      last = event.seq();
      lines += event.has_log() ? 1 : 0;
    }
  }
  EXPECT_TRUE(slow->Finish().ok());
  EXPECT_EQ(lines, kBatches * kLines);
}

TEST(ServerTest, CancelReachesTheWorkerAndTheWatcher) {
  CoordinatorHarness harness;
  const v1::Job job = harness.Submit(SmallJob("doomed"));
  WireWorker worker(harness, "w1");
  const auto order = worker.AwaitOrder(job.name(), LeaseOrder::ACTION_RUN);
  ASSERT_TRUE(order.has_value());
  worker.Hold(*order, HeldLease::PHASE_RUNNING);
  ASSERT_TRUE(WaitUntil([&] { return harness.Job("doomed").state() == v1::JOB_STATE_RUNNING; }));
  v1::CancelJobRequest cancel;
  cancel.set_name("doomed");
  v1::Job answer;
  grpc::ClientContext context;
  ASSERT_TRUE(harness.jobs->CancelJob(&context, cancel, &answer).ok());
  EXPECT_EQ(answer.state(), v1::JOB_STATE_CANCELLING);
  ASSERT_TRUE(worker.AwaitOrder(job.name(), LeaseOrder::ACTION_STOP).has_value());
  worker::v1::FinishLeaseRequest finish;
  finish.set_job(job.name());
  finish.set_lease_epoch(order->lease_epoch());
  finish.set_outcome(worker::v1::FinishLeaseRequest::OUTCOME_CANCELLED);
  worker::v1::FinishLeaseResponse finished;
  grpc::ClientContext finish_context;
  ASSERT_TRUE(worker.stub().FinishLease(&finish_context, finish, &finished).ok());
  EXPECT_EQ(finished.state(), v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(StatesOf(Watch(harness, "doomed").events).back(), v1::JOB_STATE_CANCELLED);
}

TEST(ServerTest, RefusesASecondServerOnItsPortAndOnItsState) {
  CoordinatorHarness harness;
  ServerOptions second = harness.options();
  auto on_state = Server::Start(second);
  ASSERT_FALSE(on_state.ok());
  EXPECT_THAT(MessageOf(on_state.status()), testing::HasSubstr("in use by another coordinator"));
  const std::string other = *MakeTempDir("kiln-coordinator-test-");
  second.state_dir = other;
  second.grpc.port = harness.server().grpc_port();
  auto on_port = Server::Start(second);
  ASSERT_FALSE(on_port.ok());
  EXPECT_THAT(MessageOf(on_port.status()), testing::HasSubstr("the address is taken"));
  second.grpc.port = 0;
  second.http_port = harness.server().http_port();
  auto on_http = Server::Start(second);
  ASSERT_FALSE(on_http.ok());
  EXPECT_THAT(MessageOf(on_http.status()), testing::HasSubstr("--http-port 0"));
  second.http_port = 0;
  second.grpc.host = "0.0.0.0";
  auto exposed = Server::Start(second);
  ASSERT_FALSE(exposed.ok());
  EXPECT_THAT(MessageOf(exposed.status()), testing::HasSubstr("without TLS and a token"));
  EXPECT_OK(RemoveTree(other));
}

}  // namespace
}  // namespace graphkiln::coordinator
