// kiln fix FILE: mends a graph by machine and writes it back.
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/graph_file.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/text_reader.h"
#include "common/compiler/repair.h"
#include "common/formats/formats.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

constexpr uint64_t kLargestGraph = 64ull << 20;

class Fix : public Command {
 public:
  std::string_view name() const override { return "fix"; }
  std::string_view summary() const override { return "Apply the best fixes to a graph (local)"; }
  void Declare(Arguments* arguments) override {
    arguments->Add("FILE", &file_, "The graph; - is stdin").required = true;
    arguments->Add("-O,--out", &out_, "File to write, - for stdout; else FILE itself").value_name =
        "PATH";
    arguments->Add("--dry-run", &dry_run_, "Show what would be done; write nothing");
    flags_.Declare(arguments);
  }

  int Run(Context& context) override {
    auto bytes = file_ == "-" ? ReadStdin(kLargestGraph) : ReadFile(file_, kLargestGraph);
    if (!bytes.ok()) return context.Fail(bytes.status());
    auto source = ReadGraphBytes(*bytes, file_, flags_);
    if (!source.ok()) return context.Fail(source.status());
    // What could not be read would be lost in what is written.
    bool readable = source->readable;
    for (const v1::Diagnostic& d : source->diagnostics)
      readable = readable && d.severity() != v1::SEVERITY_ERROR;
    if (!readable) return Finish(context, {}, CompileGraph(*std::move(source)), "");
    compiler::RepairOptions options;
    options.positions = &source->positions;
    compiler::Repair repair = compiler::RepairGraph(source->graph, options);
    std::string text = *std::move(bytes);
    CompiledFile compiled;
    if (repair.applied.empty()) {
      compiled.diagnostics = std::move(source->diagnostics);
      for (v1::Diagnostic& d : repair.result.diagnostics)
        compiled.diagnostics.push_back(std::move(d));
      compiled.ok = repair.result.ok;
      compiled.source.file = source->file;
    } else {
      const bool json = LooksLikeJson(text);
      if (!json && text.find('#') != std::string::npos)
        context.Notice("comments are not kept in what is written");
      // A file keeps its format.
      const bool native = source->format == "native";
      const formats::GraphFormat& format =
          *formats::FindGraphFormat(native && json ? "json" : source->format);
      std::vector<v1::Diagnostic> findings;
      auto repaired = format.write(repair.graph, nullptr, &findings);
      if (!repaired) return context.FailInvalid(findings);
      text = *std::move(repaired);
      // Of large graphs one is kept at a time.
      *source = GraphFile();
      repair.graph.Clear();
      repair.result = {};
      // What is left is placed in the text as it is now; our own form holds the shapes.
      auto written =
          ReadGraphBytes(text, out_.empty() ? file_ : out_, native ? GraphFlags() : flags_);
      if (!written.ok()) return context.Fail(written.status());
      compiled = CompileGraph(*std::move(written));
    }
    if (absl::Status status = Write(text, !repair.applied.empty()); !status.ok())
      return context.Fail(status);
    return Finish(context, repair.applied, compiled, text);
  }

 private:
  bool ToStdout() const { return (out_ == "-" || (file_ == "-" && out_.empty())) && !dry_run_; }

  // A file that needs no fix stays as it is, to the byte.
  absl::Status Write(const std::string& text, bool changed) const {
    if (dry_run_ || ToStdout() || (!changed && out_.empty())) return absl::OkStatus();
    return WriteFileAtomic(out_.empty() ? file_ : out_, text);
  }

  int Finish(Context& context, const std::vector<v1::Diagnostic>& applied,
             const CompiledFile& compiled, const std::string& text) const {
    context.ShowDiagnostics(compiled.diagnostics);
    if (context.format() == Format::kJson || context.format() == Format::kYaml) {
      Json document = {{"applied", Json::array()}};
      for (const v1::Diagnostic& d : applied) {
        document["applied"].push_back(
            {{"code", d.code()}, {"node", d.node()}, {"description", d.fixes(0).description()}});
      }
      document["valid"] = compiled.ok;
      document["diagnostics"] = DiagnosticsJson(compiled.diagnostics);
      if (ToStdout()) document["graph"] = text;
      context.PrintDocument(document);
      return compiled.ok ? kOk : kInvalid;
    }
    if (ToStdout()) {
      context.Print(text);
    } else {
      for (const v1::Diagnostic& d : applied) {
        context.Print(fmt::format("{}{}: {}\n", d.code(), d.node().empty() ? "" : " " + d.node(),
                                  d.fixes(0).description()));
      }
      context.Print(fmt::format("{}: {}, {} fixes{}\n", compiled.source.file,
                                compiled.ok ? "valid" : "INVALID", applied.size(),
                                dry_run_ ? " (nothing written)" : ""));
    }
    return compiled.ok ? kOk : kInvalid;
  }

  std::string file_, out_;
  bool dry_run_ = false;
  GraphFlags flags_;
};

}  // namespace

void AddFix(CommandList* commands) { commands->push_back(std::make_unique<Fix>()); }

}  // namespace graphkiln::cli
