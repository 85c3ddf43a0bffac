// kiln pause|resume|stop|cancel|fork JOB, and cordon|uncordon|drain WORKER: one call each.
#include <functional>

#include "clients/cli/client.h"
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "common/base/ids.h"
#include "common/base/random.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

struct JobVerbFlags {
  std::optional<int64_t> grace_seconds;  // cancel
  std::string name;                      // fork
  std::optional<int64_t> step;           // fork
};

struct JobVerb {
  std::string_view name;
  std::string_view summary;
  CallError (*call)(Client&, const std::string& job, const JobVerbFlags&, v1::Job*);
};

template <class Request, class Method>
CallError CallVerb(Client& client, Method method, const std::string& name, v1::Job* job) {
  Request request;
  request.set_name(name);
  return client.Call(method, client.jobs(), request, job);
}

constexpr JobVerb kJobVerbs[] = {
    {"pause", "Pause a job: it keeps its state and frees its slot",
     [](Client& client, const std::string& job, const JobVerbFlags&, v1::Job* result) {
       return CallVerb<v1::PauseJobRequest>(client, &v1::JobService::Stub::PauseJob, job, result);
     }},
    {"resume", "Let a paused job go on",
     [](Client& client, const std::string& job, const JobVerbFlags&, v1::Job* result) {
       return CallVerb<v1::ResumeJobRequest>(client, &v1::JobService::Stub::ResumeJob, job, result);
     }},
    {"stop", "End a job early, with its result",
     [](Client& client, const std::string& job, const JobVerbFlags&, v1::Job* result) {
       return CallVerb<v1::StopJobRequest>(client, &v1::JobService::Stub::StopJob, job, result);
     }},
    {"cancel", "End a job without a result",
     [](Client& client, const std::string& job, const JobVerbFlags& flags, v1::Job* result) {
       v1::CancelJobRequest request;
       request.set_name(job);
       if (flags.grace_seconds) request.mutable_grace()->set_seconds(*flags.grace_seconds);
       return client.Call(&v1::JobService::Stub::CancelJob, client.jobs(), request, result);
     }},
    {"fork", "Start a new job from a checkpoint of this one",
     [](Client& client, const std::string& job, const JobVerbFlags& flags, v1::Job* result) {
       v1::ForkJobRequest request;
       request.set_name(job);
       request.set_step(flags.step.value_or(0));
       request.set_job_id(flags.name);
       request.set_request_id(NewUid(SystemRandom()));
       return client.Call(&v1::JobService::Stub::ForkJob, client.jobs(), request, result);
     }},
};

class JobVerbCommand : public Command {
 public:
  explicit JobVerbCommand(const JobVerb& verb) : verb_(verb) {}
  std::string_view name() const override { return verb_.name; }
  std::string_view summary() const override { return verb_.summary; }
  void Declare(Arguments* arguments) override {
    arguments->Add("JOB", &job_, "Name of the job").required = true;
    if (verb_.name == "cancel") {
      arguments
          ->Add("--grace", &flags_.grace_seconds,
                "Seconds to end by itself before it is killed; 0 kills at once")
          .value_name = "SECONDS";
    }
    if (verb_.name == "fork") {
      arguments->Add("--name", &flags_.name, "Name of the new job").value_name = "NAME";
      arguments->Add("--step", &flags_.step, "The checkpoint's step; else the last one")
          .value_name = "N";
    }
  }

  int Run(Context& context) override {
    if (flags_.grace_seconds && *flags_.grace_seconds < 0) {
      return context.Fail(kUsage, "USAGE", "--grace must be 0 or more");
    }
    auto client = Client::Connect(context);
    if (!client.ok()) return context.Fail(client.status());
    v1::Job job;
    const CallError error = verb_.call(**client, job_, flags_, &job);
    if (!error.status.ok()) return FailCall(context, error);
    if (context.format() == Format::kText || context.format() == Format::kName) {
      context.Print(fmt::format("{}  {}\n", ShortName(job.name()), StateName(job.state())));
    } else {
      context.PrintDocument(JobJson(job));
    }
    return kOk;
  }

 private:
  const JobVerb& verb_;
  std::string job_;
  JobVerbFlags flags_;
};

struct WorkerVerb {
  std::string_view name;
  std::string_view summary;
  CallError (*call)(Client&, const std::string& worker, v1::Worker*);
};

template <class Request, class Method>
CallError CallWorker(Client& client, Method method, const std::string& name, v1::Worker* worker) {
  Request request;
  request.set_name(name);
  return client.Call(method, client.system(), request, worker);
}

constexpr WorkerVerb kWorkerVerbs[] = {
    {"cordon", "Give a worker no new jobs",
     [](Client& client, const std::string& name, v1::Worker* worker) {
       return CallWorker<v1::CordonWorkerRequest>(client, &v1::SystemService::Stub::CordonWorker,
                                                  name, worker);
     }},
    {"uncordon", "Let a cordoned worker take jobs again",
     [](Client& client, const std::string& name, v1::Worker* worker) {
       return CallWorker<v1::UncordonWorkerRequest>(
           client, &v1::SystemService::Stub::UncordonWorker, name, worker);
     }},
    {"drain", "Cordon a worker and move its jobs elsewhere",
     [](Client& client, const std::string& name, v1::Worker* worker) {
       return CallWorker<v1::DrainWorkerRequest>(client, &v1::SystemService::Stub::DrainWorker,
                                                 name, worker);
     }},
};

class WorkerVerbCommand : public Command {
 public:
  explicit WorkerVerbCommand(const WorkerVerb& verb) : verb_(verb) {}
  std::string_view name() const override { return verb_.name; }
  std::string_view summary() const override { return verb_.summary; }
  void Declare(Arguments* arguments) override {
    arguments->Add("WORKER", &worker_, "Name of the worker").required = true;
  }

  int Run(Context& context) override {
    auto client = Client::Connect(context);
    if (!client.ok()) return context.Fail(client.status());
    v1::Worker worker;
    const CallError error = verb_.call(**client, worker_, &worker);
    if (!error.status.ok()) return FailCall(context, error);
    const Json document = WorkerJson(worker);
    if (context.format() == Format::kText || context.format() == Format::kName) {
      context.Print(
          fmt::format("{}  {}\n", document["name"].get<std::string>(), WorkerStateText(worker)));
    } else {
      context.PrintDocument(document);
    }
    return kOk;
  }

 private:
  const WorkerVerb& verb_;
  std::string worker_;
};

}  // namespace

void AddVerbs(CommandList* commands) {
  for (const JobVerb& verb : kJobVerbs) commands->push_back(std::make_unique<JobVerbCommand>(verb));
}

void AddWorkerVerbs(CommandList* commands) {
  for (const WorkerVerb& verb : kWorkerVerbs) {
    commands->push_back(std::make_unique<WorkerVerbCommand>(verb));
  }
}

}  // namespace graphkiln::cli
