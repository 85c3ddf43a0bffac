// kiln convert FILE --to FORMAT: a graph in another file format.
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/graph_file.h"
#include "common/base/file.h"
#include "common/formats/formats.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class Convert : public Command {
 public:
  std::string_view name() const override { return "convert"; }
  std::string_view summary() const override { return "Write a graph in another format (local)"; }
  void Declare(Arguments* arguments) override {
    arguments->Add("FILE", &file_, "The graph; - is stdin").required = true;
    Argument& to = arguments->Add("-t,--to", &to_, "Format to write");
    to.required = true;
    to.choices = formats::WritableFormats();
    arguments->Add("-O,--out", &out_, "File or folder to write; else, and for -, stdout")
        .value_name = "PATH";
    flags_.Declare(arguments);
  }

  int Run(Context& context) override {
    if (out_ == "-") out_.clear();
    auto source = ReadGraphFile(file_, flags_);
    if (!source.ok()) return context.Fail(source.status());
    CompiledFile compiled = CompileGraph(*std::move(source));
    // A graph that does not run, or has no shapes, can be written all the same; one that was not
    // understood cannot.
    bool understood = compiled.source.readable;
    for (const v1::Diagnostic& d : compiled.source.diagnostics)
      understood = understood && d.severity() != v1::SEVERITY_ERROR;
    if (!understood) return context.FailInvalid(compiled.diagnostics);
    std::vector<v1::Diagnostic> findings;
    const formats::GraphFormat& format = *formats::FindGraphFormat(to_);
    const auto text =
        format.write(compiled.source.graph, compiled.ok ? &compiled.result : nullptr, &findings);
    for (v1::Diagnostic& d : findings) compiled.source.positions.Locate(d);
    if (!text) return context.FailInvalid(findings);
    context.ShowDiagnostics(findings);
    if (absl::Status status = CheckOutput(out_, {file_}); !status.ok()) return context.Fail(status);
    v1::GeneratedFile file;
    file.set_path(fmt::format("model{}", format.suffix));
    file.set_content(*text);
    if (!out_.empty()) {
      file.set_path(IsDirectory(out_) ? JoinPath(out_, file.path()) : out_);
      if (absl::Status status = WriteFileAtomic(file.path(), *text); !status.ok())
        return context.Fail(status);
    }
    if (context.format() != Format::kText) {
      context.PrintDocument(FilesJson(to_, {file}, /*with_content=*/out_.empty()));
    } else {
      context.Print(out_.empty() ? *text : file.path() + "\n");
    }
    return kOk;
  }

 private:
  std::string file_, to_, out_;
  GraphFlags flags_;
};

}  // namespace

void AddConvert(CommandList* commands) { commands->push_back(std::make_unique<Convert>()); }

}  // namespace graphkiln::cli
