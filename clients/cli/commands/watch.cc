// kiln watch JOB [--from TOKEN]: events as they happen, until the job has ended; exits as
// `submit --follow` does.
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/follow.h"
#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class Watch : public Command {
 public:
  std::string_view name() const override { return "watch"; }
  std::string_view summary() const override { return "Stream the events of a job until it ends"; }
  void Declare(Arguments* arguments) override {
    arguments->Add("JOB", &job_, "Name of the job").required = true;
    arguments->Add("--from", &token_, "Continue behind this token of an earlier event").value_name =
        "TOKEN";
    arguments->Add("--types", &types_, "Only these types, such as epoch,state").value_name = "A,B";
  }

  int Run(Context& context) override {
    std::vector<std::string> types;
    for (const std::string_view type : SplitView(types_, ',')) {
      if (!TrimView(type).empty()) types.emplace_back(TrimView(type));
    }
    auto client = Client::Connect(context);
    if (!client.ok()) return context.Fail(client.status());
    Interrupts interrupts;
    FollowEnd end = FollowEvents(context, **client, job_, token_, types, interrupts,
                                 [&](const v1::Event& event, const std::string& token) {
                                   Json line = EventJson(event, token);
                                   if (context.json()) {
                                     context.PrintLine(line);
                                   } else {
                                     context.Print(TextLine(std::move(line)));
                                   }
                                 });
    switch (end.kind) {
      case FollowEnd::Kind::kEnded: {
        // Asked for, because --types or --from may have left the last state out.
        v1::Job job;
        const CallError error = FetchJob(**client, job_, &job);
        return error.status.ok() ? ExitCodeOfEnd(job) : FailCall(context, error);
      }
      case FollowEnd::Kind::kFailed:
        return FailCall(context, end.error);
      case FollowEnd::Kind::kInterrupted:
        break;
    }
    fmt::print(stderr, "stopped watching; to go on:\n  kiln watch {} --from {}\n", job_,
               end.token.empty() ? "''" : end.token);
    return kInterrupted;
  }

 private:
  // `2026-01-02T03:04:05Z  epoch  epoch=3 total_epochs=60 train_loss=0.41`
  static std::string TextLine(Json line) {
    std::string text =
        fmt::format("{}  {:<10}", line["time"].is_string() ? line["time"].get<std::string>() : "-",
                    line["type"].get<std::string>());
    for (const char* key : {"job", "seq", "time", "type", "token"}) line.erase(key);
    for (const auto& [key, value] : line.items()) {
      if (value.is_null() || value == "") continue;
      text += fmt::format(" {}={}", key,
                          value.is_string()
                              ? value.get<std::string>()
                              : value.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    return text + "\n";
  }

  std::string job_, token_, types_;
};

}  // namespace

void AddWatch(CommandList* commands) { commands->push_back(std::make_unique<Watch>()); }

}  // namespace graphkiln::cli
