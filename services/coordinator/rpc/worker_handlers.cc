// WorkerService: the worker protocol over the queue.
#include <memory>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "graphkiln/worker/v1/worker_service.pb.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/rpc/services.h"
#include "services/coordinator/rpc/worker_streams.h"

namespace graphkiln::coordinator {
namespace {

using Pins = std::vector<std::shared_ptr<const void>>;

// A row never refers to bytes that are not there, also not a moment later.
absl::Status CheckStored(Services& services, const std::string& artifact, Pins& pins) {
  pins.push_back(services.artifacts->Pin(artifact));
  return services.artifacts->Stat(artifact).status();
}

void CommitCheckpoint(Services& services, const Call& call,
                      const worker::v1::CommitCheckpointRequest& request,
                      const Reply<worker::v1::CommitCheckpointResponse>& reply) {
  Pins pins;
  const absl::Status stored = CheckStored(services, request.checkpoint().artifact(), pins);
  if (!stored.ok()) return reply(stored);
  services.queue->CommitCheckpoint(
      request, [reply, pins](const auto& response) { reply(response); }, call.principal.workers);
}

void FinishLease(Services& services, const Call& call,
                 const worker::v1::FinishLeaseRequest& request,
                 const Reply<worker::v1::FinishLeaseResponse>& reply) {
  Pins pins;
  for (const auto& [file, artifact] : request.artifacts()) {
    const absl::Status stored = CheckStored(services, artifact, pins);
    if (!stored.ok()) return reply(Annotate(stored, "artifact " + QuoteForMessage(file)));
  }
  services.queue->FinishLease(
      request, [reply, pins](const auto& response) { reply(response); }, call.principal.workers);
}

}  // namespace

void AddWorkerMethods(MethodTable& table, Services& services) {
  const MethodRule blocking{.role = Role::kWorker, .where = Where::kExecutor};
  auto streams = std::make_shared<WorkerStreams>();
  table.Streaming<worker::v1::ConnectRequest, worker::v1::ConnectResponse>(
      "/graphkiln.worker.v1.WorkerService/Connect", {.role = Role::kWorker},
      [&services, streams](const CallPtr& call, const std::shared_ptr<StreamSink>& sink) {
        return std::make_shared<ConnectStream>(services, call, streams, sink);
      });
  table.Streaming<worker::v1::PublishEventsRequest, worker::v1::PublishEventsResponse>(
      "/graphkiln.worker.v1.WorkerService/PublishEvents", {.role = Role::kWorker},
      [&services](const CallPtr& call, const std::shared_ptr<StreamSink>& sink) {
        return std::make_shared<PublishStream>(services, call, sink);
      });
  table.Unary<worker::v1::CommitCheckpointRequest, worker::v1::CommitCheckpointResponse>(
      "/graphkiln.worker.v1.WorkerService/CommitCheckpoint", blocking,
      [&services](const CallPtr& call, worker::v1::CommitCheckpointRequest& request,
                  const Reply<worker::v1::CommitCheckpointResponse>& reply) {
        CommitCheckpoint(services, *call, request, reply);
      });
  table.Unary<worker::v1::FinishLeaseRequest, worker::v1::FinishLeaseResponse>(
      "/graphkiln.worker.v1.WorkerService/FinishLease", blocking,
      [&services](const CallPtr& call, worker::v1::FinishLeaseRequest& request,
                  const Reply<worker::v1::FinishLeaseResponse>& reply) {
        FinishLease(services, *call, request, reply);
      });
}

}  // namespace graphkiln::coordinator
