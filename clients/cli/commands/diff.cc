// kiln diff A B: the structural difference of two graphs; exit 0 where there is none, 1 where there
// is one.
#include "common/graph/diff.h"

#include "clients/cli/commands/all.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/graph_file.h"
#include "fmt/format.h"

namespace graphkiln::cli {
namespace {

class Diff : public Command {
 public:
  std::string_view name() const override { return "diff"; }
  std::string_view summary() const override { return "Compare two graphs (local)"; }
  void Declare(Arguments* arguments) override {
    arguments->Add("A", &left_, "The first graph").required = true;
    arguments->Add("B", &right_, "The second graph").required = true;
    flags_.Declare(arguments);
  }

  int Run(Context& context) override {
    v1::Graph graphs[2];
    for (int i = 0; i < 2; ++i) {
      auto source = ReadGraphFile(i == 0 ? left_ : right_, flags_);
      if (!source.ok()) return context.Fail(source.status());
      // Graphs with errors can be compared; texts that are no graph cannot.
      if (!source->readable) return context.FailInvalid(source->diagnostics);
      graphs[i] = std::move(source->graph);
    }
    const v1::DiffGraphsResponse difference = graph::Diff(graphs[0], graphs[1]);
    if (context.format() == Format::kText) {
      for (const v1::NameChange& rename : difference.renamed())
        context.Print(fmt::format("  {} is now {}\n", rename.from(), rename.to()));
      for (const std::string& node : difference.added()) context.Print(fmt::format("+ {}\n", node));
      for (const std::string& node : difference.removed())
        context.Print(fmt::format("- {}\n", node));
      for (const v1::FieldChange& change : difference.changed()) {
        context.Print(fmt::format("~ {}{}{}: {} -> {}\n", change.node(),
                                  change.node().empty() ? "" : " ", change.field(),
                                  change.from().empty() ? "nothing" : change.from(),
                                  change.to().empty() ? "nothing" : change.to()));
      }
    } else {
      context.PrintDocument(Document(difference));
    }
    return difference.equal() ? kOk : kFailure;
  }

 private:
  // Texts of values are JSON: numbers stay numbers here. What one side lacks is null.
  static Json Value(const std::string& text) {
    if (text.empty()) return nullptr;
    Json value = Json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
    return value.is_discarded() ? Json(text) : value;
  }

  static Json Document(const v1::DiffGraphsResponse& difference) {
    Json changed = Json::array();
    for (const v1::FieldChange& change : difference.changed()) {
      changed.push_back({{"node", change.node()},
                         {"field", change.field()},
                         {"from", Value(change.from())},
                         {"to", Value(change.to())}});
    }
    Json renamed = Json::array();
    for (const v1::NameChange& rename : difference.renamed())
      renamed.push_back({{"from", rename.from()}, {"to", rename.to()}});
    return {
        {"equal", difference.equal()},
        {"added", std::vector<std::string>(difference.added().begin(), difference.added().end())},
        {"removed",
         std::vector<std::string>(difference.removed().begin(), difference.removed().end())},
        {"changed", std::move(changed)},
        {"renamed", std::move(renamed)}};
  }

  std::string left_, right_;
  GraphFlags flags_;
};

}  // namespace

void AddDiff(CommandList* commands) { commands->push_back(std::make_unique<Diff>()); }

}  // namespace graphkiln::cli
