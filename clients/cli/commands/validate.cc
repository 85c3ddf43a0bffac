// kiln validate FILE...: types graphs and shows every diagnostic; with --watch one file, again and
// again.
#include "clients/cli/commands/all.h"
#include "clients/cli/documents.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/file_watch.h"
#include "clients/cli/graph_file.h"
#include "clients/cli/recheck.h"
#include "common/base/status.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class Validate : public Command {
 public:
  std::string_view name() const override { return "validate"; }
  std::string_view summary() const override {
    return "Check graphs and show all diagnostics (local)";
  }
  void Declare(Arguments* arguments) override {
    arguments->Add("FILE", &files_, "Graphs; - is stdin").required = true;
    arguments->Add("--watch", &watch_,
                   "Check the one FILE again whenever it changes, until Ctrl-C; with -o json one "
                   "document a line for each check");
    flags_.Declare(arguments);
  }

  int Run(Context& context) override {
    if (watch_) return Watch(context);
    std::vector<CompiledFile> results;
    bool valid = true;
    for (const std::string& file : files_) {
      auto source = ReadGraphFile(file, flags_);
      if (!source.ok()) return context.Fail(source.status());
      results.push_back(source->canvas || source->program ? Other(*std::move(source))
                                                          : CompileGraph(*std::move(source)));
      valid = valid && results.back().ok;
    }
    Show(context, results, valid);
    return valid ? kOk : kInvalid;
  }

 private:
  static void Show(Context& context, const std::vector<CompiledFile>& results, bool valid) {
    for (const CompiledFile& result : results) context.ShowDiagnostics(result.diagnostics);
    if (context.format() == Format::kJson || context.format() == Format::kYaml) {
      context.PrintDocument(Document(results, valid));
    } else {
      for (const CompiledFile& result : results) {
        context.Print(fmt::format("{}: {}, {} nodes, {} diagnostics\n", result.source.file,
                                  result.ok ? "valid" : "INVALID", result.source.graph.nodes_size(),
                                  result.diagnostics.size()));
        for (const auto& [condition, node] : result.result.assumptions)
          context.Print(fmt::format("  if {} (for {})\n", condition.ToString(), node));
      }
    }
  }

  // Ends with a signal, or where stdout cannot be written.
  int Watch(Context& context) {
    if (files_.size() != 1 || files_[0] == "-")
      return context.Fail(kUsage, "USAGE", "--watch takes one file; stdin cannot be one");
    Interrupts interrupts;
    FileWatch file(files_[0]);
    Rechecker rechecker;
    for (bool first = true; !context.stdout_failed(); first = false) {
      file.Mark();
      auto source = ReadGraphFile(files_[0], flags_);
      if (source.ok()) {
        const bool other = source->canvas.has_value() || source->program != nullptr;
        std::vector<CompiledFile> results;
        results.push_back(other ? Other(*std::move(source)) : rechecker.Check(*std::move(source)));
        const bool valid = results[0].ok;
        Show(context, results, valid);
      } else if (first) {
        return context.Fail(source.status());
      } else {
        // It may come back: some editors take the file away before they write it.
        context.Notice(MessageOf(source.status()));
      }
      if (!file.Wait(interrupts)) break;
    }
    return kOk;
  }

  // Canvas programs and programs of operators are complete once they are read.
  static CompiledFile Other(GraphFile source) {
    CompiledFile result;
    result.diagnostics = source.diagnostics;
    result.ok = true;
    result.source = std::move(source);
    return result;
  }

  static Json Document(const CompiledFile& result) {
    Json nodes = Json::array();
    for (const compiler::NodeTypes& node : result.result.nodes)
      nodes.push_back(NodeTypesJson(compiler::ToProto(node)));
    Json document = {{"valid", result.ok},
                     {"diagnostics", DiagnosticsJson(result.diagnostics)},
                     {"nodes", std::move(nodes)}};
    // Sizes that the types hold for; the key is there where open sizes are bounded.
    for (const auto& [condition, node] : result.result.assumptions) {
      Json entry = {{"size", condition.size.ToString()}, {"node", node}};
      if (condition.multiple_of > 1) {
        entry["multiple_of"] = condition.multiple_of;
      } else {
        entry["at_least"] = condition.at_least;
      }
      document["assumptions"].push_back(std::move(entry));
    }
    return document;
  }

  // One file: its document. Several: all diagnostics in one, and each file's own below `files`.
  static Json Document(const std::vector<CompiledFile>& results, bool valid) {
    if (results.size() == 1) return Document(results[0]);
    Json document = {{"valid", valid}, {"diagnostics", Json::array()}, {"files", Json::array()}};
    for (const CompiledFile& result : results) {
      Json entry = {{"file", result.source.file}};
      entry.update(Document(result));
      for (const Json& diagnostic : entry["diagnostics"]) {
        document["diagnostics"].push_back(diagnostic);
      }
      document["files"].push_back(std::move(entry));
    }
    return document;
  }

  std::vector<std::string> files_;
  bool watch_ = false;
  GraphFlags flags_;
};

}  // namespace

void AddValidate(CommandList* commands) { commands->push_back(std::make_unique<Validate>()); }

}  // namespace graphkiln::cli
