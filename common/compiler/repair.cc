#include "common/compiler/repair.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/strings.h"
#include "common/compiler/fixes/edits.h"

namespace graphkiln::compiler {
namespace {

constexpr int kMostRounds = 48;
constexpr int kMostAtOnce = 256;  // fixes of one round
constexpr int kMostTries = 96;    // compilations of one fix alone, over all rounds
// Removing a node looks at all others.
constexpr int64_t kMostRemovals = 20'000'000;

// A step is progress where fewer nodes have no type, or as many and there are fewer errors. Errors
// alone would not do: a mended node lets those behind it be seen.
struct Standing {
  int64_t untyped = 0, errors = 0, warnings = 0;

  explicit Standing(const CompileResult& result) {
    for (const NodeTypes& node : result.nodes) untyped += node.outputs.empty() ? 1 : 0;
    for (const v1::Diagnostic& diagnostic : result.diagnostics) {
      if (diagnostic.severity() == v1::SEVERITY_ERROR) ++errors;
      if (diagnostic.severity() == v1::SEVERITY_WARNING) ++warnings;
    }
  }
  bool BetterThan(const Standing& other) const {
    if (errors == 0) return other.errors > 0 || warnings < other.warnings;
    return std::pair(untyped, errors) < std::pair(other.untyped, other.errors);
  }
};

class Repairer {
 public:
  Repairer(const v1::Graph& graph, const RepairOptions& options) : options_(options) {
    repair_.graph = graph;
  }

  Repair Run() {
    repair_.result = CompileNow(repair_.graph);
    removes_ = repair_.result.ok;
    for (int round = 0; round < kMostRounds; ++round) {
      if (!AllAtOnce() && !OneAlone()) break;
    }
    return std::move(repair_);
  }

 private:
  CompileResult CompileNow(const v1::Graph& graph) const {
    CompileOptions options;
    options.positions = options_.positions;
    options.most_fixes = 64;
    // Two compilations are compared, so neither keeps its program.
    CompileResult result = Compile(graph, options);
    CompileResult kept;
    kept.ok = result.ok;
    kept.diagnostics = std::move(result.diagnostics);
    kept.nodes = std::move(result.nodes);
    kept.assumptions = std::move(result.assumptions);
    kept.output_form = result.output_form;
    return kept;
  }

  // Errors first; warnings where there are none. Hints are the user's to judge.
  std::vector<const v1::Diagnostic*> ToMend() const {
    const v1::Severity severity = repair_.result.ok ? v1::SEVERITY_WARNING : v1::SEVERITY_ERROR;
    std::vector<const v1::Diagnostic*> out;
    for (const v1::Diagnostic& diagnostic : repair_.result.diagnostics) {
      if (diagnostic.severity() != severity || diagnostic.fixes_size() == 0) continue;
      if (severity == v1::SEVERITY_ERROR || removes_ || !Removes(diagnostic.fixes(0)))
        out.push_back(&diagnostic);
    }
    return out;
  }

  static bool Removes(const v1::Fix& fix) {
    return std::any_of(fix.edits().begin(), fix.edits().end(),
                       [](const v1::Edit& edit) { return edit.has_remove_node(); });
  }

  bool Accept(v1::Graph graph, std::vector<v1::Diagnostic> applied) {
    CompileResult result = CompileNow(graph);
    if (!Standing(result).BetterThan(Standing(repair_.result))) return false;
    repair_.graph = std::move(graph);
    repair_.result = std::move(result);
    for (v1::Diagnostic& diagnostic : applied) repair_.applied.push_back(std::move(diagnostic));
    return true;
  }

  static v1::Diagnostic With(const v1::Diagnostic& diagnostic, int fix) {
    v1::Diagnostic out = diagnostic;
    const v1::Fix chosen = diagnostic.fixes(fix);
    out.clear_fixes();
    *out.add_fixes() = chosen;
    return out;
  }

  // The best fix of each error, but one alone for each node.
  bool AllAtOnce() {
    if (ToMend().empty()) return false;
    v1::Graph graph = repair_.graph;
    std::vector<v1::Diagnostic> applied;
    StringSet touched;
    int64_t removals = 0;
    for (const v1::Diagnostic* diagnostic : ToMend()) {
      if (applied.size() >= kMostAtOnce || removals > kMostRemovals) break;
      const v1::Fix& fix = diagnostic->fixes(0);
      bool alone = true;
      for (const std::string& node : Touched(fix)) alone &= !touched.contains(node);
      if (!alone) continue;
      for (std::string& node : Touched(fix)) touched.insert(std::move(node));
      if (!ApplyFix(fix, &graph).ok()) {
        // It may be half done: all over again without it.
        graph = repair_.graph;
        for (const v1::Diagnostic& done : applied) {
          if (!ApplyFix(done.fixes(0), &graph).ok()) return false;
        }
        continue;
      }
      removals += graph.nodes_size();
      applied.push_back(With(*diagnostic, 0));
    }
    return !applied.empty() && Accept(std::move(graph), std::move(applied));
  }

  // The first fix of any error that helps.
  bool OneAlone() {
    for (const v1::Diagnostic* diagnostic : ToMend()) {
      for (int f = 0; f < diagnostic->fixes_size(); ++f) {
        if (tries_++ >= kMostTries) return false;
        v1::Graph graph = repair_.graph;
        v1::Diagnostic applied = With(*diagnostic, f);
        if (!ApplyFix(diagnostic->fixes(f), &graph).ok()) continue;
        if (Accept(std::move(graph), {std::move(applied)})) return true;
      }
    }
    return false;
  }

  static std::vector<std::string> Touched(const v1::Fix& fix) {
    std::vector<std::string> out;
    for (const v1::Edit& edit : fix.edits()) {
      if (edit.has_add_node()) out.push_back(edit.add_node().node().id());
      if (edit.has_remove_node()) out.push_back(edit.remove_node().node());
      if (edit.has_set_param()) out.push_back(edit.set_param().node());
      if (edit.has_unset_param()) out.push_back(edit.unset_param().node());
      if (edit.has_rename_node()) out.push_back(edit.rename_node().node());
      if (edit.has_set_type()) out.push_back(edit.set_type().node());
      if (edit.has_disconnect()) out.push_back(edit.disconnect().node());
      if (edit.has_set_input()) out.push_back("\ninput " + edit.set_input().input().name());
      // Outputs by a name that no node has.
      if (edit.has_connect()) {
        out.push_back(edit.connect().node().empty() ? "\n" + edit.connect().port()
                                                    : edit.connect().node());
      }
    }
    return out;
  }

  const RepairOptions& options_;
  Repair repair_;
  int tries_ = 0;
  // Warnings may remove nodes. Not where errors were mended before: what is of no use now may be so
  // because of a guess.
  bool removes_ = true;
};

}  // namespace

Repair RepairGraph(const v1::Graph& graph, const RepairOptions& options) {
  return Repairer(graph, options).Run();
}

}  // namespace graphkiln::compiler
