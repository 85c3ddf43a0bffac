#include "clients/cli/job_loader.h"

#include <utility>

#include "clients/cli/data_check.h"
#include "clients/cli/graph_file.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/compiler/loss.h"
#include "common/jobs/faults.h"
#include "common/jobs/job_file.h"
#include "common/jobs/job_writer.h"
#include "common/jobs/resolve.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

constexpr uint64_t kMaxJobBytes = 64ull << 20;  // an inline graph may be that large

class Loader {
 public:
  Loader(std::string file, LoadedJob* loaded)
      : file_(std::move(file)), folder_(file_ == "-" ? "" : DirName(file_)), loaded_(loaded) {}

  void Run(std::string_view bytes, const std::vector<jobs::Override>& overrides) {
    const std::string shown = file_ == "-" ? "<stdin>" : file_;
    jobs::ReadJob(bytes, shown, overrides, &job_, &faults_);
    if (!job_.readable) {  // nothing more can be said of it
      loaded_->diagnostics = std::move(faults_);
      return;
    }
    loaded_->spec = std::move(job_.spec);
    Graph();
    const ir::Module* model = compiled_.result.module.get();
    jobs::ResolveJob(&loaded_->spec, model, &faults_);
    if (model != nullptr && faults_.empty() && loaded_->spec.has_loss()) {
      (void)compiler::AppendLoss(*model, loaded_->spec.loss(), &faults_);
    }
    Files(model);
    jobs::Locate(job_.positions, shown, &faults_);
    loaded_->ok = graph_ok_;
    for (const v1::Diagnostic& fault : faults_) {
      loaded_->ok = loaded_->ok && fault.severity() != v1::SEVERITY_ERROR;
    }
    loaded_->diagnostics = std::move(faults_);
    loaded_->diagnostics.insert(loaded_->diagnostics.end(), compiled_.diagnostics.begin(),
                                compiled_.diagnostics.end());
  }

 private:
  void Graph() {
    absl::StatusOr<GraphFile> source = absl::NotFoundError("");
    if (!job_.graph_path.empty()) {
      loaded_->graph_text = job_.graph_path;
      source = ReadGraphFile(JoinPath(folder_, job_.graph_path), GraphFlags());
    } else if (job_.graph_node) {
      source = ReadGraphNode(*job_.graph_node, file_);
    } else {
      return;  // a name or a hash: the server knows it; or nothing, which ResolveJob reports
    }
    loaded_->spec.mutable_graph()->mutable_inline_graph();
    if (!source.ok()) {
      graph_ok_ = false;
      FileFault("graph", source.status());
      return;
    }
    compiled_ = CompileGraph(*std::move(source));
    graph_ok_ = compiled_.ok;
    *loaded_->spec.mutable_graph()->mutable_inline_graph() = compiled_.source.graph;
  }

  void FileFault(std::string_view path, const absl::Status& status) {
    const bool missing = absl::IsNotFound(status);
    jobs::AddFault(&faults_, missing ? "FILE_NOT_FOUND" : "FILE_UNREADABLE", path,
                   std::string(MessageOf(status)));
  }

  // Whether the local files are there; and for CSV, whether they hold what the job says.
  void Files(const ir::Module* model) {
    const v1::JobSpec& spec = loaded_->spec;
    if (spec.data().has_csv() && spec.data().csv().artifact().empty()) {
      loaded_->data_path = LocalFile("data.csv", spec.data().csv().path());
      if (!loaded_->data_path.empty() && model != nullptr && faults_.empty()) {
        CheckCsv(loaded_->data_path, *model, spec, &faults_);
      }
    }
    if (spec.weights().has_file() && spec.weights().file().artifact().empty()) {
      loaded_->weights_path = LocalFile("weights", spec.weights().file().path());
    }
  }

  std::string LocalFile(std::string_view key, const std::string& path) {
    const std::string local = JoinPath(folder_, path);
    if (IsDirectory(local)) {
      FileFault(key, absl::FailedPreconditionError(fmt::format("{} is a folder", local)));
      return "";
    }
    const auto size = FileSize(local);
    if (!size.ok()) {
      FileFault(key, size.status());
      return "";
    }
    return local;
  }

  const std::string file_;
  const std::string folder_;
  LoadedJob* loaded_;
  jobs::JobFile job_;
  CompiledFile compiled_;
  std::vector<v1::Diagnostic> faults_;
  bool graph_ok_ = true;
};

}  // namespace

absl::StatusOr<LoadedJob> LoadJob(const std::string& file, const std::vector<std::string>& sets) {
  std::vector<jobs::Override> overrides;
  for (const std::string& text : sets) {
    auto change = jobs::ParseOverride(text);
    if (!change.ok()) {
      return absl::FailedPreconditionError(std::string(MessageOf(change.status())));
    }
    overrides.push_back(*std::move(change));
  }
  ASSIGN_OR_RETURN(const std::string bytes,
                   file == "-" ? ReadStdin(kMaxJobBytes) : ReadFile(file, kMaxJobBytes));
  LoadedJob loaded;
  Loader(file, &loaded).Run(bytes, overrides);
  return loaded;
}

}  // namespace graphkiln::cli
