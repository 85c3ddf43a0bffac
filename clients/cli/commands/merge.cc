// kiln merge BASE OURS THEIRS: three-way merge of graphs; exit 0 where nothing conflicts, 1 where
// something does (then nothing is written, unless a side is preferred).
#include "common/graph/merge.h"

#include "clients/cli/commands/all.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/graph_file.h"
#include "common/base/file.h"
#include "common/base/strings.h"
#include "common/graph/writer.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class MergeGraphs : public Command {
 public:
  std::string_view name() const override { return "merge"; }
  std::string_view summary() const override {
    return "Merge what two graphs changed since a common one (local)";
  }
  void Declare(Arguments* arguments) override {
    arguments->Add("BASE", &files_[0], "What both began with").required = true;
    arguments->Add("OURS", &files_[1], "One side").required = true;
    arguments->Add("THEIRS", &files_[2], "The other side").required = true;
    arguments->Add("-O,--out", &out_, "Where to write the graph; else stdout").value_name = "PATH";
    arguments->Add("--prefer", &prefer_, "Decides conflicts for one side").choices = {"ours",
                                                                                      "theirs"};
    flags_.Declare(arguments);
  }

  int Run(Context& context) override {
    v1::Graph graphs[3];
    for (int i = 0; i < 3; ++i) {
      auto source = ReadGraphFile(files_[i], flags_);
      if (!source.ok()) return context.Fail(source.status());
      bool errors = !source->readable;
      for (const v1::Diagnostic& d : source->diagnostics)
        errors = errors || d.severity() == v1::SEVERITY_ERROR;
      if (errors) return context.FailInvalid(CompileGraph(*std::move(source)).diagnostics);
      graphs[i] = std::move(source->graph);
    }
    auto merged = graph::Merge(graphs[0], graphs[1], graphs[2],
                               prefer_ == "theirs" ? graph::Side::kTheirs : graph::Side::kOurs);
    if (!merged.ok()) return context.Fail(merged.status());
    const bool clean = merged->conflicts.empty() || !prefer_.empty();
    if (clean && !out_.empty()) {
      const std::string text = ToLowerAscii(out_).ends_with(".json")
                                   ? graph::WriteJson(merged->graph)
                                   : graph::WriteYaml(merged->graph);
      if (absl::Status status = WriteFileAtomic(out_, text); !status.ok())
        return context.Fail(status);
    }
    if (context.format() == Format::kText) {
      for (const graph::MergeConflict& conflict : merged->conflicts)
        context.Notice(ConflictText(conflict));
      if (clean && out_.empty()) context.Print(graph::WriteYaml(merged->graph));
    } else {
      context.PrintDocument(Document(*merged, clean));
    }
    return clean ? kOk : kFailure;
  }

 private:
  // Texts of values are JSON. What a side lacks is null.
  static Json Value(const std::string& text) {
    if (text.empty()) return nullptr;
    return Json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  }

  static std::string ConflictText(const graph::MergeConflict& conflict) {
    const auto shown = [](const std::string& text) { return text.empty() ? "nothing" : text; };
    return fmt::format("conflict: {}{}: {} (base {}, ours {}, theirs {})",
                       conflict.node.empty() ? "" : QuoteForMessage(conflict.node) + " ",
                       conflict.field, conflict.reason, shown(conflict.base), shown(conflict.ours),
                       shown(conflict.theirs));
  }

  Json Document(const graph::Merged& merged, bool clean) const {
    Json conflicts = Json::array();
    for (const graph::MergeConflict& conflict : merged.conflicts) {
      conflicts.push_back({{"node", conflict.node},
                           {"field", conflict.field},
                           {"reason", conflict.reason},
                           {"base", Value(conflict.base)},
                           {"ours", Value(conflict.ours)},
                           {"theirs", Value(conflict.theirs)}});
    }
    Json document = {{"merged", clean}, {"conflicts", std::move(conflicts)}};
    if (clean && out_.empty()) {
      // Nothing was written: then the document holds the graph itself.
      document["graph"] = Json::parse(graph::DumpJson(graph::ToJson(merged.graph), -1));
    } else if (clean) {
      document["path"] = out_;
    }
    return document;
  }

  std::string files_[3];
  std::string out_, prefer_;
  GraphFlags flags_;
};

}  // namespace

void AddMerge(CommandList* commands) { commands->push_back(std::make_unique<MergeGraphs>()); }

}  // namespace graphkiln::cli
