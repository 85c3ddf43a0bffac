// kiln submit -f JOB.yaml: checks a job here, uploads its data, submits it, follows it.
#include "clients/cli/client.h"
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/follow.h"
#include "clients/cli/job_loader.h"
#include "clients/cli/transfer.h"
#include "common/base/ids.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/jobs/job_writer.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class Submit : public Command {
 public:
  std::string_view name() const override { return "submit"; }
  std::string_view summary() const override { return "Submit a job"; }
  void Declare(Arguments* arguments) override {
    Argument& file = arguments->Add("-f,--file", &file_, "The job file; - is stdin");
    file.value_name = "JOB.yaml";
    file.required = true;
    arguments->Add("--set", &sets_, "Overrides a key, such as optimizer.lr=0.1; repeatable")
        .value_name = "KEY=VALUE";
    arguments->Add("--name", &name_, "Name of the job; else the server chooses").value_name =
        "NAME";
    arguments->Add("--follow", &follow_, "Stream events until the job ends");
    arguments->Add("--dry-run", &dry_run_, "Check, and print the fully resolved job (local)");
  }

  int Run(Context& context) override {
    if (!name_.empty() && !IsResourceId(name_)) {
      return context.Fail(kUsage, "USAGE",
                          fmt::format("--name takes lower-case letters, digits and '-', not {}",
                                      QuoteForMessage(name_)));
    }
    auto loaded = LoadJob(file_, sets_);
    if (!loaded.ok()) {
      if (absl::IsFailedPrecondition(loaded.status())) {
        return context.Fail(kUsage, "USAGE", MessageOf(loaded.status()));
      }
      return context.Fail(loaded.status());
    }
    if (!loaded->ok) return context.FailInvalid(loaded->diagnostics);
    context.ShowDiagnostics(loaded->diagnostics);
    if (dry_run_) return DryRun(context, *loaded);

    auto client = Client::Connect(context);
    if (!client.ok()) return context.Fail(client.status());
    CallError error = Upload(context, **client, loaded->data_path, [&](std::string sha256) {
      loaded->spec.mutable_data()->mutable_csv()->set_artifact(std::move(sha256));
    });
    if (error.status.ok()) {
      error = Upload(context, **client, loaded->weights_path, [&](std::string sha256) {
        loaded->spec.mutable_weights()->mutable_file()->set_artifact(std::move(sha256));
      });
    }
    if (!error.status.ok()) return FailCall(context, error);

    v1::SubmitJobRequest request;
    request.set_job_id(name_);
    *request.mutable_spec() = std::move(loaded->spec);
    request.set_request_id(NewUuid());
    v1::SubmitJobResponse response;
    error =
        (*client)->Call(&v1::JobService::Stub::SubmitJob, (*client)->jobs(), request, &response);
    if (!error.status.ok()) return FailCall(context, error);
    if (!follow_) return Show(context, response.job());
    context.Notice(fmt::format("submitted {}", ShortName(response.job().name())));
    return FollowToEnd(context, **client, response.job());
  }

 private:
  // Random, as RFC 9562's version 4 spells it; makes a repeated submit the same submit.
  static std::string NewUuid() {
    std::string hex = NewUid(SystemRandom());
    hex[12] = '4';
    hex[16] = "89ab"[static_cast<size_t>(hex[16]) % 4];
    return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                       hex.substr(16, 4), hex.substr(20));
  }

  static int DryRun(Context& context, const LoadedJob& loaded) {
    const Json job = jobs::JobJson(loaded.spec, loaded.graph_text);
    if (context.json()) {
      context.PrintLine(job);
    } else {
      context.Print(jobs::YamlText(job));
    }
    return kOk;
  }

  template <class Use>
  static CallError Upload(Context& context, Client& client, const std::string& path, Use use) {
    CallError error;
    if (path.empty()) return error;
    Transfer transfer;
    error = UploadFile(client, path, &transfer);
    if (!error.status.ok()) return error;
    if (context.verbose) {
      context.Notice(fmt::format("{}: {} bytes, sha256 {}", path, transfer.bytes, transfer.sha256));
    }
    use(std::move(transfer.sha256));
    return error;
  }

  static int Show(Context& context, const v1::Job& job) {
    if (context.format() == Format::kJson || context.format() == Format::kYaml) {
      context.PrintDocument(JobJson(job));
    } else if (context.format() == Format::kName) {
      context.Print(ShortName(job.name()) + "\n");
    } else {
      context.Print(fmt::format("{}  {}\n", ShortName(job.name()), StateName(job.state())));
      context.Notice(fmt::format("follow it: kiln watch {}", ShortName(job.name())));
    }
    return kOk;
  }

  std::string file_, name_;
  std::vector<std::string> sets_;
  bool follow_ = false;
  bool dry_run_ = false;
};

}  // namespace

void AddSubmit(CommandList* commands) { commands->push_back(std::make_unique<Submit>()); }

}  // namespace graphkiln::cli
