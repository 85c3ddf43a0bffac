// kiln codegen FILE --target T: code and other texts of a graph.
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/graph_file.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/emit/emit.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class Codegen : public Command {
 public:
  std::string_view name() const override { return "codegen"; }
  std::string_view summary() const override { return "Generate code of a graph (local)"; }
  void Declare(Arguments* arguments) override {
    arguments->Add("FILE", &file_, "The graph; - is stdin").required = true;
    Argument& target = arguments->Add("-t,--target", &target_, "What to generate");
    target.required = true;
    for (const emit::TargetInfo& info : emit::Targets()) target.choices.emplace_back(info.name);
    arguments->Add("-O,--out", &out_, "File or folder to write; else, and for -, stdout")
        .value_name = "PATH";
    flags_.Declare(arguments);
  }

  int Run(Context& context) override {
    if (out_ == "-") out_.clear();
    auto compiled = CompileGraphFile(file_, flags_);
    if (!compiled.ok()) return context.Fail(compiled.status());
    if (!compiled->ok) return context.FailInvalid(compiled->diagnostics);
    auto files = emit::Generate(compiled->source.graph, compiled->result, target_);
    if (!files.ok()) return context.Fail(files.status());
    if (absl::Status status = CheckOutput(out_, {file_}); !status.ok()) return context.Fail(status);
    if (!out_.empty()) {
      if (absl::Status status = Write(&*files); !status.ok()) return context.Fail(status);
    }
    if (context.format() != Format::kText) {
      // Nothing was written: then the document holds the text itself.
      context.PrintDocument(FilesJson(target_, *files, /*with_content=*/out_.empty()));
    } else if (out_.empty()) {
      for (const v1::GeneratedFile& file : *files) {
        if (files->size() > 1) context.Print(fmt::format("# ---- {}\n", file.path()));
        context.Print(file.content());
      }
    } else {
      for (const v1::GeneratedFile& file : *files) context.Print(file.path() + "\n");
    }
    return kOk;
  }

 private:
  // One file goes to PATH itself unless that is a folder; several go into the folder PATH. The
  // paths become those that were written.
  absl::Status Write(std::vector<v1::GeneratedFile>* files) const {
    const bool folder = files->size() > 1 || out_.ends_with("/") || IsDirectory(out_);
    for (v1::GeneratedFile& file : *files) {
      const std::string path = folder ? JoinPath(out_, file.path()) : out_;
      if (folder) RETURN_IF_ERROR(MakeDirs(DirName(path)));
      RETURN_IF_ERROR(WriteFileAtomic(path, file.content()));
      file.set_path(path);
    }
    return absl::OkStatus();
  }

  std::string file_, target_, out_;
  GraphFlags flags_;
};

}  // namespace

void AddCodegen(CommandList* commands) { commands->push_back(std::make_unique<Codegen>()); }

}  // namespace graphkiln::cli
