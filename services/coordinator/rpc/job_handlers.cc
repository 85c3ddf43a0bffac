// JobService: submit (submit.h), the verbs, queries, and the streams (watch_streams.h).
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "graphkiln/v1/job_service.pb.h"
#include "services/coordinator/core/errors.h"
#include "services/coordinator/core/names.h"
#include "services/coordinator/rpc/services.h"
#include "services/coordinator/rpc/submit.h"
#include "services/coordinator/rpc/watch_streams.h"

namespace graphkiln::coordinator {
namespace {

absl::StatusOr<v1::ListJobsResponse> ListJobs(Services& services,
                                              const v1::ListJobsRequest& request) {
  ListArgs args;
  ASSIGN_OR_RETURN(args.project, ParseParent(request.parent()));
  args.page_size = request.page_size();
  args.page_token = request.page_token();
  for (const int state : request.states()) args.states.push_back(static_cast<v1::JobState>(state));
  ASSIGN_OR_RETURN(JobPage page, services.queue->List(args));
  v1::ListJobsResponse response;
  for (v1::Job& job : page.jobs) *response.add_jobs() = std::move(job);
  response.set_next_page_token(page.next_page_token);
  return response;
}

absl::StatusOr<v1::QueryMetricsResponse> QueryMetrics(Services& services,
                                                      const v1::QueryMetricsRequest& request) {
  if (request.max_points() < 0) return FieldError("max_points", "must not be negative");
  if (request.series_size() > 1000) return FieldError("series", "has more than 1,000 names");
  ASSIGN_OR_RETURN(const v1::Job job, services.queue->Get(request.name()));
  ASSIGN_OR_RETURN(
      std::vector<v1::MetricSeries> series,
      services.store->ReadSeries(job.uid(), {request.series().begin(), request.series().end()},
                                 request.max_points()));
  v1::QueryMetricsResponse response;
  for (v1::MetricSeries& one : series) *response.add_series() = std::move(one);
  return response;
}

void CancelJob(Services& services, const v1::CancelJobRequest& request,
               const Reply<v1::Job>& reply) {
  std::optional<absl::Duration> grace;
  if (request.has_grace()) {
    grace = absl::Seconds(request.grace().seconds()) + absl::Nanoseconds(request.grace().nanos());
    if (*grace < absl::ZeroDuration() || *grace > kMostCancelGrace) {
      return reply(FieldError(
          "grace", fmt::format("must be 0 to {}", absl::FormatDuration(kMostCancelGrace))));
    }
  }
  services.queue->Cancel(request.name(), grace, reply);
}

}  // namespace

void AddJobMethods(MethodTable& table, Services& services) {
  const MethodRule inlined{.role = Role::kUser, .where = Where::kInline};
  const MethodRule blocking{.role = Role::kUser, .where = Where::kExecutor};
  const MethodRule submit{
      .role = Role::kUser, .where = Where::kExecutor, .max_request_bytes = kGraphLimit};
  table.Unary<v1::SubmitJobRequest, v1::SubmitJobResponse>(
      "/graphkiln.v1.JobService/SubmitJob", submit,
      [&services](const CallPtr& call, v1::SubmitJobRequest& request,
                  const Reply<v1::SubmitJobResponse>& reply) {
        SubmitJob(services, call, request, reply);
      });
  table.Unary<v1::GetJobRequest, v1::Job>(
      "/graphkiln.v1.JobService/GetJob", inlined,
      [&services](const CallPtr&, v1::GetJobRequest& request, const Reply<v1::Job>& reply) {
        reply(services.queue->Get(request.name()));
      });
  table.Unary<v1::ListJobsRequest, v1::ListJobsResponse>(
      "/graphkiln.v1.JobService/ListJobs", blocking,
      [&services](const CallPtr&, v1::ListJobsRequest& request,
                  const Reply<v1::ListJobsResponse>& reply) {
        reply(ListJobs(services, request));
      });
  table.Unary<v1::PauseJobRequest, v1::Job>(
      "/graphkiln.v1.JobService/PauseJob", inlined,
      [&services](const CallPtr&, v1::PauseJobRequest& request, const Reply<v1::Job>& reply) {
        services.queue->Pause(request.name(), reply);
      });
  table.Unary<v1::ResumeJobRequest, v1::Job>(
      "/graphkiln.v1.JobService/ResumeJob", inlined,
      [&services](const CallPtr&, v1::ResumeJobRequest& request, const Reply<v1::Job>& reply) {
        services.queue->Resume(request.name(), reply);
      });
  table.Unary<v1::StopJobRequest, v1::Job>(
      "/graphkiln.v1.JobService/StopJob", inlined,
      [&services](const CallPtr&, v1::StopJobRequest& request, const Reply<v1::Job>& reply) {
        services.queue->Stop(request.name(), reply);
      });
  table.Unary<v1::CancelJobRequest, v1::Job>(
      "/graphkiln.v1.JobService/CancelJob", inlined,
      [&services](const CallPtr&, v1::CancelJobRequest& request, const Reply<v1::Job>& reply) {
        CancelJob(services, request, reply);
      });
  table.Unsupported("/graphkiln.v1.JobService/ForkJob", Role::kUser);
  table.Streaming<v1::WatchJobRequest, v1::WatchJobResponse>(
      "/graphkiln.v1.JobService/WatchJob", {.role = Role::kUser},
      [&services](const CallPtr&, const std::shared_ptr<StreamSink>& sink) {
        return std::make_shared<WatchJobStream>(services, sink);
      });
  table.Unary<v1::QueryMetricsRequest, v1::QueryMetricsResponse>(
      "/graphkiln.v1.JobService/QueryMetrics", blocking,
      [&services](const CallPtr&, v1::QueryMetricsRequest& request,
                  const Reply<v1::QueryMetricsResponse>& reply) {
        reply(QueryMetrics(services, request));
      });
  table.Streaming<v1::TailLogsRequest, v1::TailLogsResponse>(
      "/graphkiln.v1.JobService/TailLogs", {.role = Role::kUser},
      [&services](const CallPtr&, const std::shared_ptr<StreamSink>& sink) {
        return std::make_shared<TailLogsStream>(services, sink);
      });
}

}  // namespace graphkiln::coordinator
