// kiln cp SRC DST: files to and from the server. One side is a path, the other job/NAME/FILE,
// dataset/NAME or artifact/SHA256.
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/transfer.h"
#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/random.h"
#include "common/base/strings.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

struct Remote {
  enum class Kind { kJobFile, kDataset, kArtifact };
  Kind kind;
  std::string name;  // of the job, the data set; the digest
  std::string file;  // of a job
};

// A path that happens to start so is written ./job/...
std::optional<Remote> ParseRemote(std::string_view text) {
  if (text.starts_with("job/")) {
    const std::string_view rest = text.substr(4);
    const size_t slash = rest.rfind('/');
    if (slash == std::string_view::npos)
      return Remote{Remote::Kind::kJobFile, std::string(rest), ""};
    return Remote{Remote::Kind::kJobFile, std::string(rest.substr(0, slash)),
                  std::string(rest.substr(slash + 1))};
  }
  if (text.starts_with("dataset/"))
    return Remote{Remote::Kind::kDataset, std::string(text.substr(8)), ""};
  if (text.starts_with("artifact/") || text == "artifact") {
    return Remote{Remote::Kind::kArtifact,
                  std::string(text.substr(std::min<size_t>(9, text.size()))), ""};
  }
  return std::nullopt;
}

std::string FullJobName(const std::string& name) {
  return name.starts_with("projects/") ? name : "projects/default/jobs/" + name;
}

class Cp : public Command {
 public:
  std::string_view name() const override { return "cp"; }
  std::string_view summary() const override { return "Copy a file to or from the server"; }
  void Declare(Arguments* arguments) override {
    arguments->Add("SRC", &source_, "job/NAME/FILE, dataset/NAME, artifact/SHA256, or a path")
        .required = true;
    arguments->Add("DST", &target_, "A path or folder, dataset/NAME, or artifact/").required = true;
  }

  int Run(Context& context) override {
    const auto from = ParseRemote(source_);
    const auto to = ParseRemote(target_);
    if (from.has_value() == to.has_value()) {
      return context.Fail(
          kUsage, "USAGE",
          from ? "one of the two must be a local path"
               : "one of the two must be job/NAME/FILE, dataset/NAME or artifact/SHA256");
    }
    if (from && from->kind == Remote::Kind::kJobFile &&
        (from->file.empty() || from->name.empty())) {
      return context.Fail(
          kUsage, "USAGE",
          "say which file, such as job/NAME/weights.safetensors or job/NAME/report.json");
    }
    if (to && to->kind == Remote::Kind::kJobFile) {
      return context.Fail(kUsage, "USAGE", "a job's files cannot be written");
    }
    if (to && !FileExists(source_)) {
      return context.Fail(absl::NotFoundError(fmt::format("{}: no such file", source_)));
    }
    auto client = Client::Connect(context);
    if (!client.ok()) return context.Fail(client.status());
    Transfer transfer;
    const CallError error =
        from ? Download(**client, *from, &transfer) : Upload(**client, *to, &transfer);
    if (!error.status.ok()) return FailCall(context, error);
    if (context.format() == Format::kText) {
      context.Print(fmt::format("{} bytes, sha256 {}\n", transfer.bytes, transfer.sha256));
    } else {
      context.PrintDocument({{"bytes", transfer.bytes}, {"sha256", transfer.sha256}});
    }
    return kOk;
  }

 private:
  CallError Download(Client& client, const Remote& remote, Transfer* transfer) const {
    std::string name;
    std::string file = remote.file;
    if (remote.kind == Remote::Kind::kJobFile) {
      name = fmt::format("{}/artifacts/{}", FullJobName(remote.name), remote.file);
    } else if (remote.kind == Remote::Kind::kArtifact) {
      name = "artifacts/" + remote.name;
      file = remote.name;
    } else {
      v1::GetDatasetRequest request;
      request.set_name(remote.name);
      v1::Dataset dataset;
      const CallError error =
          client.Call(&v1::DatasetService::Stub::GetDataset, client.datasets(), request, &dataset);
      if (!error.status.ok()) return error;
      name = "artifacts/" + dataset.artifact();
      file = fmt::format("{}.{}", ShortName(dataset.name()), dataset.format());
    }
    const bool folder = IsDirectory(target_) || target_.ends_with("/");
    return DownloadFile(client, name, folder ? JoinPath(target_, file) : target_, transfer);
  }

  CallError Upload(Client& client, const Remote& remote, Transfer* transfer) const {
    CallError error = UploadFile(client, source_, transfer);
    if (!error.status.ok() || remote.kind != Remote::Kind::kDataset) return error;
    v1::CreateDatasetRequest request;
    request.set_dataset_id(remote.name);
    const std::string base = BaseName(source_);
    const size_t dot = base.rfind('.');
    request.mutable_dataset()->set_format(
        dot == std::string::npos ? "csv" : ToLowerAscii(base.substr(dot + 1)));
    request.mutable_dataset()->set_artifact(transfer->sha256);
    request.mutable_dataset()->set_bytes(transfer->bytes);
    request.set_request_id(NewUid(SystemRandom()));
    v1::Dataset dataset;
    return client.Call(&v1::DatasetService::Stub::CreateDataset, client.datasets(), request,
                       &dataset);
  }

  std::string source_, target_;
};

}  // namespace

void AddCp(CommandList* commands) { commands->push_back(std::make_unique<Cp>()); }

}  // namespace graphkiln::cli
