// kiln logs JOB [-f]: what the job said; kept after it ended.
#include "clients/cli/client.h"
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/interrupts.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class Logs : public Command {
 public:
  std::string_view name() const override { return "logs"; }
  std::string_view summary() const override { return "Show the log of a job"; }
  void Declare(Arguments* arguments) override {
    arguments->Add("JOB", &job_, "Name of the job").required = true;
    arguments->Add("-f,--follow", &follow_, "Go on until the job ends");
    arguments->Add("--tail", &tail_, "Only the last so many lines").value_name = "N";
  }

  int Run(Context& context) override {
    if (tail_ < 0) return context.Fail(kUsage, "USAGE", "--tail must be 0 or more");
    auto client = Client::Connect(context);
    if (!client.ok()) return context.Fail(client.status());
    v1::TailLogsRequest request;
    request.set_name(job_);
    request.set_follow(follow_);
    request.set_tail(tail_);
    Interrupts interrupts;
    grpc::ClientContext call;
    (*client)->Prepare(&call);
    interrupts.SetAction([&call] { call.TryCancel(); });
    auto stream = (*client)->jobs().TailLogs(&call, request);
    v1::TailLogsResponse response;
    while (!interrupts.interrupted() && !context.stdout_failed() && stream->Read(&response)) {
      for (const v1::Event& event : response.events()) Show(context, event);
    }
    if (interrupts.interrupted() || context.stdout_failed()) call.TryCancel();
    const CallError error = ToCallError(stream->Finish());
    interrupts.SetAction(nullptr);
    if (interrupts.interrupted()) return kInterrupted;
    if (error.status.ok() || context.stdout_failed()) return kOk;
    return FailCall(context, error);
  }

 private:
  static void Show(Context& context, const v1::Event& event) {
    Json line = EventJson(event, "");
    if (context.json()) {
      line.erase("token");
      context.PrintLine(line);
    } else {
      context.Print(fmt::format("{}  {:<7}  {}\n",
                                line["time"].is_string() ? line["time"].get<std::string>() : "-",
                                event.log().level(), event.log().message()));
    }
  }

  std::string job_;
  bool follow_ = false;
  int tail_ = 0;
};

}  // namespace

void AddLogs(CommandList* commands) { commands->push_back(std::make_unique<Logs>()); }

}  // namespace graphkiln::cli
