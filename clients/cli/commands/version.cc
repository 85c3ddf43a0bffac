// kiln version: of this program, and of the server where one is named.
#include "clients/cli/client.h"
#include "clients/cli/commands/all.h"
#include "clients/cli/exit_code.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class Version : public Command {
 public:
  std::string_view name() const override { return "version"; }
  std::string_view summary() const override { return "Show the version"; }
  void Declare(Arguments* arguments) override {
    arguments->Add("--server", &server_, "Ask the server for its version, too");
  }

  int Run(Context& context) override {
    Json document = {{"version", KILN_VERSION}};
    std::string text = fmt::format("kiln {}\n", KILN_VERSION);
    if (server_) {
      auto client = Client::Connect(context);
      if (!client.ok()) return context.Fail(client.status());
      v1::ServerInfo info;
      const CallError error =
          (*client)->Call(&v1::SystemService::Stub::GetServerInfo, (*client)->system(),
                          v1::GetServerInfoRequest(), &info);
      if (!error.status.ok()) return FailCall(context, error);
      document["server"] = {{"version", info.version()}, {"instance", info.instance()}};
      text += fmt::format("server {}\n", info.version());
    }
    if (context.format() == Format::kText) {
      context.Print(text);
    } else {
      context.PrintDocument(document);
    }
    return kOk;
  }

 private:
  bool server_ = false;
};

}  // namespace

void AddVersion(CommandList* commands) { commands->push_back(std::make_unique<Version>()); }

}  // namespace graphkiln::cli
