// kiln doctor: is everything there that the other commands need? Also the health check of
// containers.
#include "clients/cli/client.h"
#include "clients/cli/commands/all.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/table.h"
#include "common/base/file.h"
#include "common/base/resources.h"
#include "common/base/status.h"
#include "fmt/format.h"
#include "services/worker/launch/process.h"

namespace graphkiln::cli {
namespace {

class Doctor : public Command {
 public:
  std::string_view name() const override { return "doctor"; }
  std::string_view summary() const override { return "Check this installation and the server"; }
  void Declare(Arguments* /*arguments*/) override {}

  int Run(Context& context) override {
    Note("templates", IsDirectory(TemplatesDir()), TemplatesDir());
    const auto trainer = worker::FindTrainerProgram();
    Note("trainer", trainer.ok(),
         trainer.ok() ? *trainer : std::string(MessageOf(trainer.status())));
    for (const char* program : {"kiln-coordinator", "kiln-worker"}) {
      const std::string path = JoinPath(ExecutableDir(), program);
      Note(program, FileExists(path), path);
    }
    const bool local_ok = ok_;
    CheckServer(context);
    Json document = {{"ok", ok_}, {"checks", checks_}};
    if (context.format() == Format::kText) {
      context.Print(table_.Text());
    } else {
      context.PrintDocument(document);
    }
    if (ok_) return kOk;
    return local_ok ? kUnreachable : kFailure;
  }

 private:
  void Note(std::string_view check, bool ok, std::string_view detail) {
    ok_ = ok_ && ok;
    checks_.push_back({{"name", std::string(check)}, {"ok", ok}, {"detail", std::string(detail)}});
    table_.Row({std::string(check), ok ? "ok" : "MISSING", std::string(detail)});
  }

  void CheckServer(const Context& context) {
    auto client = Client::Connect(context);
    if (!client.ok()) return Note("server", false, MessageOf(client.status()));
    v1::ServerInfo info;
    CallError error = (*client)->Call(&v1::SystemService::Stub::GetServerInfo, (*client)->system(),
                                      v1::GetServerInfoRequest(), &info);
    Note("server", error.status.ok(),
         error.status.ok() ? fmt::format("{} at {}", info.version(), (*client)->endpoint())
                           : std::string(MessageOf(error.status)));
    if (!error.status.ok()) return;
    v1::ListWorkersResponse workers;
    error = (*client)->Call(&v1::SystemService::Stub::ListWorkers, (*client)->system(),
                            v1::ListWorkersRequest(), &workers);
    Note("workers", error.status.ok() && workers.workers_size() > 0,
         fmt::format("{} registered", workers.workers_size()));
  }

  bool ok_ = true;
  Json checks_ = Json::array();
  Table table_{{"check", "result", "detail"}};
};

}  // namespace

void AddDoctor(CommandList* commands) { commands->push_back(std::make_unique<Doctor>()); }

}  // namespace graphkiln::cli
