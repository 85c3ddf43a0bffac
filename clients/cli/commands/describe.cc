// kiln describe job|worker NAME: everything about one of them.
#include "clients/cli/client.h"
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/follow.h"
#include "common/jobs/job_writer.h"

namespace graphkiln::cli {
namespace {

class Describe : public Command {
 public:
  std::string_view name() const override { return "describe"; }
  std::string_view summary() const override {
    return "Show a job or a worker with all its details";
  }
  void Declare(Arguments* arguments) override {
    Argument& kind = arguments->Add("KIND", &kind_, "What it is");
    kind.required = true;
    kind.choices = {"job", "worker"};
    arguments->Add("NAME", &name_, "Its name").required = true;
  }

  int Run(Context& context) override {
    auto client = Client::Connect(context);
    if (!client.ok()) return context.Fail(client.status());
    Json document;
    CallError error;
    if (kind_ == "job") {
      v1::Job job;
      error = FetchJob(**client, name_, &job);
      document = JobJson(job);
      document["spec"] = jobs::JobJson(job.spec());
    } else {
      v1::GetWorkerRequest request;
      request.set_name(name_);
      v1::Worker worker;
      error = (*client)->Call(&v1::SystemService::Stub::GetWorker, (*client)->system(), request,
                              &worker);
      document = WorkerJson(worker);
    }
    if (!error.status.ok()) return FailCall(context, error);
    if (context.json()) {
      context.PrintLine(document);
    } else {
      context.Print(jobs::YamlText(document));
    }
    return kOk;
  }

 private:
  std::string kind_, name_;
};

}  // namespace

void AddDescribe(CommandList* commands) { commands->push_back(std::make_unique<Describe>()); }

}  // namespace graphkiln::cli
