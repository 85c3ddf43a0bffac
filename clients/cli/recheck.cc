#include "clients/cli/recheck.h"

#include <algorithm>
#include <utility>

#include "common/compiler/fixes/offer.h"
#include "google/protobuf/util/message_differencer.h"

namespace graphkiln::cli {
namespace {

using google::protobuf::util::MessageDifferencer;

// The same but for nodes.
bool SameAround(const v1::Graph& a, const v1::Graph& b) {
  MessageDifferencer differencer;
  differencer.IgnoreField(v1::Graph::descriptor()->FindFieldByNumber(v1::Graph::kNodesFieldNumber));
  return differencer.Compare(a, b);
}

}  // namespace

CompiledFile Rechecker::Check(GraphFile source) {
  const bool errors =
      std::any_of(source.diagnostics.begin(), source.diagnostics.end(),
                  [](const v1::Diagnostic& d) { return d.severity() == v1::SEVERITY_ERROR; });
  if (!source.readable || errors) return CompileGraph(std::move(source));
  // Warnings look at the whole graph, so a graph without errors is compiled as a whole.
  if (Follow(source.graph) && !incremental_->ok()) return Incremental(std::move(source));
  return CompileGraph(std::move(source));
}

bool Rechecker::Follow(const v1::Graph& graph) {
  const auto start_again = [&] {
    incremental_ = std::make_unique<compiler::IncrementalCompiler>(graph);
    return false;
  };
  if (incremental_ == nullptr) return start_again();
  const v1::Graph& before = incremental_->graph();
  if (before.nodes_size() != graph.nodes_size()) return start_again();
  int changed = -1;
  for (int i = 0; i < graph.nodes_size(); ++i) {
    if (before.nodes(i).id() != graph.nodes(i).id()) return start_again();
    if (MessageDifferencer::Equals(before.nodes(i), graph.nodes(i))) continue;
    if (changed >= 0) return start_again();
    changed = i;
  }
  if (!SameAround(before, graph)) return start_again();
  if (changed >= 0 && !incremental_->Replace(graph.nodes(changed)).ok()) return start_again();
  return true;
}

CompiledFile Rechecker::Incremental(GraphFile source) const {
  CompiledFile compiled;
  compiled.diagnostics = source.diagnostics;
  std::vector<v1::Diagnostic> found = incremental_->Diagnostics();
  compiled.result.nodes = incremental_->nodes();
  compiler::OfferFixes(source.graph, compiled.result.nodes, compiler::CompileOptions().most_fixes,
                       &found);
  for (v1::Diagnostic& d : found) {
    source.positions.Locate(d);
    compiled.diagnostics.push_back(std::move(d));
  }
  compiled.source = std::move(source);
  return compiled;
}

}  // namespace graphkiln::cli
