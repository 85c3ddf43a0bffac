#include "clients/cli/follow.h"

#include <algorithm>
#include <map>

#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/progress.h"
#include "common/base/clock.h"
#include "fmt/format.h"
#include "google/protobuf/util/time_util.h"

namespace graphkiln::cli {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(200);
constexpr absl::Duration kLongestPause = absl::Seconds(5);
constexpr absl::Duration kLongestOutage = absl::Minutes(2);

// What of the history was lost is told as a gap, as everywhere.
v1::Event LostHistory(const std::string& job) {
  v1::Event event;
  event.set_job(job);
  event.mutable_gap();
  return event;
}

}  // namespace

CallError FetchJob(Client& client, const std::string& name, v1::Job* job) {
  v1::GetJobRequest request;
  request.set_name(name);
  return client.Call(&v1::JobService::Stub::GetJob, client.jobs(), request, job);
}

FollowEnd FollowEvents(Context& context, Client& client, const std::string& job, std::string token,
                       const std::vector<std::string>& types, Interrupts& interrupts,
                       const std::function<void(const v1::Event&, const std::string&)>& on_event) {
  FollowEnd end;
  end.token = std::move(token);
  absl::Duration pause = kFirstPause;
  absl::Duration alive = SystemClock().Monotonic();
  while (true) {
    grpc::ClientContext call;
    client.Prepare(&call);
    interrupts.SetAction([&call] { call.TryCancel(); });
    v1::WatchJobRequest request;
    request.set_name(job);
    request.set_resume_token(end.token);
    for (const std::string& type : types) request.add_types(type);
    auto stream = client.jobs().WatchJob(&call, request);
    v1::WatchJobResponse batch;
    while (!interrupts.interrupted() && !context.stdout_failed() && stream->Read(&batch)) {
      pause = kFirstPause;
      alive = SystemClock().Monotonic();
      for (int i = 0; i < batch.events_size(); ++i) {
        const std::string& after =
            i < batch.event_tokens_size() ? batch.event_tokens(i) : batch.resume_token();
        on_event(batch.events(i), after);
        if (!after.empty()) end.token = after;
      }
      if (!batch.resume_token().empty()) end.token = batch.resume_token();
    }
    if (interrupts.interrupted() || context.stdout_failed()) call.TryCancel();
    end.error = ToCallError(stream->Finish());
    interrupts.SetAction(nullptr);
    if (interrupts.interrupted()) {
      end.kind = FollowEnd::Kind::kInterrupted;
      return end;
    }
    if (end.error.status.ok() || context.stdout_failed()) {
      end.kind = FollowEnd::Kind::kEnded;
      return end;
    }
    if (end.error.reason == "EVENTS_EXPIRED" && end.error.metadata.contains("oldest_token") &&
        end.error.metadata["oldest_token"] != end.token) {
      end.token = end.error.metadata["oldest_token"];
      on_event(LostHistory(job), end.token);
      continue;
    }
    // A server that stops cuts off what still runs as CANCELLED; nobody here has cancelled.
    const bool away = absl::IsUnavailable(end.error.status) || absl::IsCancelled(end.error.status);
    if (!away || SystemClock().Monotonic() - alive > kLongestOutage) return end;
    if (pause == kFirstPause) context.Notice("connection lost; trying again");
    if (interrupts.Sleep(pause)) {
      end.kind = FollowEnd::Kind::kInterrupted;
      return end;
    }
    pause = std::min(pause * 2, kLongestPause);
  }
}

int ExitCodeOfEnd(const v1::Job& job) {
  return job.state() == v1::JOB_STATE_SUCCEEDED ? kOk : kJobFailed;
}

std::string EndText(const v1::Job& job) {
  using google::protobuf::util::TimeUtil;
  const std::string name = ShortName(job.name());
  std::string text = fmt::format("job {} {}", name, StateName(job.state()));
  if (job.has_start_time() && job.has_end_time()) {
    const auto span = job.end_time() - job.start_time();
    text += fmt::format(" after {:.1f} s",
                        static_cast<double>(TimeUtil::DurationToMilliseconds(span)) / 1e3);
  }
  text += fmt::format(", {} steps, {} epochs\n", job.step(), job.epoch());
  if (!job.reason().empty()) text += fmt::format("  reason: {}\n", job.reason());
  for (const auto& [metric, value] :
       std::map<std::string, double>(job.metrics().begin(), job.metrics().end())) {
    text += fmt::format("  {:<16} {:.6g}\n", metric, value);
  }
  if (job.artifacts().contains("weights.safetensors")) {
    text += fmt::format("  weights: kiln cp job/{}/weights.safetensors .\n", name);
    const v1::Normalization normalize = job.spec().data().normalize();
    if (normalize == v1::NORMALIZATION_STANDARD || normalize == v1::NORMALIZATION_MINMAX) {
      text += fmt::format(
          "  the model wants normalised inputs; offset and scale: kiln cp job/{}/report.json .\n",
          name);
    }
  }
  return text;
}

int FollowToEnd(Context& context, Client& client, const v1::Job& submitted) {
  const std::string name = ShortName(submitted.name());
  Interrupts interrupts;
  Progress progress(&context, &SystemClock());
  progress.SetJob(submitted);
  bool total_known = submitted.total_steps() > 0;
  FollowEnd end =
      FollowEvents(context, client, submitted.name(), "", {}, interrupts,
                   [&](const v1::Event& event, const std::string& token) {
                     if (context.json()) context.PrintLine(EventJson(event, token));
                     const bool began = event.has_step() || event.has_epoch();
                     if (began && !total_known && !context.quiet) {
                       v1::Job job;
                       total_known = true;  // asked once; without an answer the line shows no total
                       if (FetchJob(client, submitted.name(), &job).status.ok())
                         progress.SetJob(job);
                     }
                     // In JSON the lines tell everything; a terminal still gets its bar.
                     if (!context.json() || context.stderr_is_terminal()) progress.Show(event);
                   });
  progress.Clear();
  if (end.kind == FollowEnd::Kind::kInterrupted) {
    fmt::print(stderr,
               "detached; the job goes on. To follow it again:\n  kiln watch {} --from {}\n", name,
               end.token.empty() ? "''" : end.token);
    return kInterrupted;
  }
  if (end.kind == FollowEnd::Kind::kFailed) return FailCall(context, end.error);
  v1::Job job;
  const CallError error = FetchJob(client, submitted.name(), &job);
  if (!error.status.ok()) return FailCall(context, error);
  if (context.json()) {
    context.PrintLine(JobJson(job));
  } else if (context.format() == Format::kYaml) {
    context.PrintDocument(JobJson(job));
  } else {
    context.Print(EndText(job));
  }
  return ExitCodeOfEnd(job);
}

}  // namespace graphkiln::cli
