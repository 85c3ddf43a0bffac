#include "common/compiler/fixes/trial.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "common/compiler/compile.h"
#include "common/graph/references.h"
#include "fmt/format.h"

namespace graphkiln::compiler {
namespace {

// Nodes of one part, instances that all trials of a graph may make, and those of one trial.
constexpr size_t kMostNodes = 24;
constexpr size_t kMostBehindInputs = 64;  // as kMostNodes, for fixes of the graph's inputs
constexpr int64_t kMostWork = 300'000;
constexpr int64_t kMostExpanded = 20'000;

std::string ErrorKey(const v1::Diagnostic& diagnostic) {
  return diagnostic.code() + " " + diagnostic.node();
}

// Two findings about one mistake; the sizes that they name may differ.
bool Same(const v1::Diagnostic& a, const v1::Diagnostic& b) {
  const bool named = a.code() == "UNKNOWN_REFERENCE";
  return a.code() == b.code() && a.node() == b.node() && a.port() == b.port() &&
         a.param() == b.param() && a.rule() == b.rule() && (!named || a.found() == b.found());
}

}  // namespace

Trials::Trials(const GraphView& view, const std::vector<v1::Diagnostic>& diagnostics)
    : view_(view), diagnostics_(diagnostics), work_(kMostWork) {
  for (const v1::Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.severity() != v1::SEVERITY_ERROR) continue;
    ++errors_[diagnostic.node()];
    known_.insert(ErrorKey(diagnostic));
  }
}

std::vector<int> Trials::Part(const Site& site, const v1::Fix& fix) const {
  std::vector<int> chosen;
  std::vector<bool> seen(static_cast<size_t>(view_.graph().nodes_size()), false);
  const auto choose = [&](int node) {
    if (node < 0 || seen[static_cast<size_t>(node)]) return;
    seen[static_cast<size_t>(node)] = true;
    chosen.push_back(node);
  };
  choose(site.index);
  for (const v1::Edit& edit : fix.edits()) {
    if (edit.has_set_param()) choose(view_.FindNode(edit.set_param().node()));
    if (edit.has_set_type()) choose(view_.FindNode(edit.set_type().node()));
    if (edit.has_connect()) choose(view_.FindNode(edit.connect().node()));
    if (edit.has_remove_node()) choose(view_.FindNode(edit.remove_node().node()));
  }
  const size_t seeds = chosen.size();
  for (size_t i = 0; i < chosen.size() && chosen.size() < kMostNodes; ++i) {
    for (const int consumer : view_.Consumers(chosen[i])) {
      if (chosen.size() < kMostNodes) choose(consumer);
    }
  }
  // Beyond the seeds only what can be typed from what is in the part or known around it.
  std::vector<int> part(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(seeds));
  std::vector<bool> in(static_cast<size_t>(view_.graph().nodes_size()), false);
  for (const int node : part) in[static_cast<size_t>(node)] = true;
  bool grown = true;
  while (grown) {
    grown = false;
    for (size_t i = seeds; i < chosen.size(); ++i) {
      if (in[static_cast<size_t>(chosen[i])]) continue;
      const v1::Node& node = view_.node(chosen[i]);
      const int owner = node.module().empty() ? -1 : view_.FindNode(node.module());
      bool closed = node.module().empty() || (owner >= 0 && in[static_cast<size_t>(owner)]);
      for (const v1::NodeInput& input : node.inputs()) {
        graph::VisitReferences(input.value(), [&](const v1::Reference& reference) {
          const int from = view_.FindNode(reference.node());
          closed &= (from >= 0 && in[static_cast<size_t>(from)]) || view_.TypeOf(reference);
        });
      }
      if (!closed) continue;
      in[static_cast<size_t>(chosen[i])] = grown = true;
      part.push_back(chosen[i]);
    }
  }
  BringTuples(part);
  return part;
}

// Tuples cannot be inputs.
void Trials::BringTuples(std::vector<int>& part) const {
  std::vector<bool> in(static_cast<size_t>(view_.graph().nodes_size()), false);
  for (const int node : part) in[static_cast<size_t>(node)] = true;
  for (size_t i = 0; i < part.size() && part.size() < 2 * kMostBehindInputs; ++i) {
    const v1::Node& node = view_.node(part[i]);
    const auto bring = [&](int from) {
      if (from < 0 || in[static_cast<size_t>(from)]) return;
      in[static_cast<size_t>(from)] = true;
      part.push_back(from);
    };
    if (!node.module().empty()) bring(view_.FindNode(node.module()));
    for (const v1::NodeInput& input : node.inputs()) {
      graph::VisitReferences(input.value(), [&](const v1::Reference& reference) {
        const int from = view_.FindNode(reference.node());
        if (from >= 0 && view_.Typed(from) && !view_.TypeOf(reference)) bring(from);
      });
    }
  }
  std::sort(part.begin(), part.end());
}

void Trials::Close(v1::Graph& part) const {
  StringSet ids;
  for (const v1::Node& node : part.nodes()) ids.insert(node.id());
  StringSet inputs;
  for (const v1::GraphInput& input : part.inputs()) inputs.insert(input.name());
  const auto close = [&](v1::Reference& reference) {
    if (ids.contains(reference.node())) return;
    const auto type = view_.TypeOf(reference);
    if (!type) return;
    std::string name =
        reference.port().empty() ? reference.node() : reference.node() + "." + reference.port();
    reference.set_node(name);
    reference.clear_port();
    if (!inputs.insert(name).second) return;
    v1::GraphInput& input = *part.add_inputs();
    input.set_name(std::move(name));
    *input.mutable_spec() = ir::ToProto(*type);
  };
  for (v1::Node& node : *part.mutable_nodes()) {
    for (v1::NodeInput& input : *node.mutable_inputs())
      graph::RewriteReferences(*input.mutable_value(), close);
  }
  if (part.inputs_size() == 0) part.add_inputs()->set_name("(nothing)");
}

int Trials::SameAs(const v1::Diagnostic& finding) {
  if (last_ != &finding) {
    last_ = &finding;
    same_ =
        static_cast<int>(std::count_if(diagnostics_.begin(), diagnostics_.end(),
                                       [&](const v1::Diagnostic& d) { return Same(d, finding); }));
  }
  return same_;
}

CompileResult Trials::CompilePart(const v1::Graph& part) {
  CompileOptions options;
  options.most_fixes = 0;
  options.lint = false;
  options.most_expanded = kMostExpanded;
  CompileResult result = Compile(part, options);
  // What fails early has made no instances, but may have been as much work.
  work_ -= static_cast<int64_t>(result.instances.size()) + 4 * part.nodes_size() + 50;
  return result;
}

bool Trials::LeavesPart(const v1::Diagnostic& diagnostic) const {
  return diagnostic.code() == "UNKNOWN_REFERENCE" &&
         (view_.FindNode(diagnostic.found()) >= 0 || view_.FindInput(diagnostic.found()) >= 0);
}

std::optional<int> Trials::TryInputs(const v1::Fix& fix) {
  std::vector<int> nodes;
  std::vector<bool> seen(static_cast<size_t>(view_.graph().nodes_size()), false);
  const auto choose = [&](int node) {
    if (node < 0 || seen[static_cast<size_t>(node)] || nodes.size() >= kMostBehindInputs) return;
    seen[static_cast<size_t>(node)] = true;
    nodes.push_back(node);
  };
  for (const v1::Edit& edit : fix.edits()) {
    if (edit.has_connect()) choose(view_.FindNode(edit.connect().node()));
    if (!edit.has_set_input()) continue;
    for (const int reader : view_.Readers(edit.set_input().input().name())) choose(reader);
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const int consumer : view_.Consumers(nodes[i])) choose(consumer);
  }
  BringTuples(nodes);
  v1::Graph part;
  *part.mutable_variables() = view_.graph().variables();
  *part.mutable_composites() = view_.graph().composites();
  for (const int node : nodes) *part.add_nodes() = view_.node(node);
  if (!ApplyFix(fix, &part).ok()) return std::nullopt;
  v1::GraphOutput& output = *part.add_outputs();
  output.set_name("output");
  output.mutable_value()->mutable_reference()->set_node(part.inputs(0).name());
  Close(part);
  int left = 0;
  for (const v1::Diagnostic& diagnostic : CompilePart(part).diagnostics) {
    if (diagnostic.severity() != v1::SEVERITY_ERROR || LeavesPart(diagnostic)) continue;
    if (diagnostic.code() == "LIMIT") work_ -= kMostExpanded;  // it was more than it tells
    // It has shown nothing, or the input is still wrong.
    if (diagnostic.code() == "LIMIT" || diagnostic.path().starts_with("inputs."))
      return std::nullopt;
    ++left;
  }
  return left;
}

std::optional<int> Trials::Try(const Site& site, const v1::Fix& fix) {
  if (exhausted()) return std::nullopt;
  if (site.node == nullptr && fix.edits_size() > 0 && fix.edits(0).has_set_input())
    return TryInputs(fix);
  if (site.node == nullptr) {
    // An output: right where its source is there; what is wrong with the source is told there.
    for (const v1::Edit& edit : fix.edits()) {
      if (!edit.has_connect()) return std::nullopt;
      const int node = view_.FindNode(edit.connect().source().node());
      if (node < 0 && !view_.TypeOf(edit.connect().source())) return std::nullopt;
      if (node >= 0 && !edit.connect().source().port().empty()) {
        const std::vector<std::string> ports = view_.OutputPorts(node);
        if (std::find(ports.begin(), ports.end(), edit.connect().source().port()) == ports.end())
          return std::nullopt;
      }
    }
    return 0;
  }
  v1::Graph part;
  *part.mutable_variables() = view_.graph().variables();
  *part.mutable_composites() = view_.graph().composites();
  for (const int node : Part(site, fix)) *part.add_nodes() = view_.node(node);
  std::string id = site.node->id();
  if (!ApplyFix(fix, &part).ok()) return std::nullopt;
  StringSet added;
  for (const v1::Edit& edit : fix.edits()) {
    if (edit.has_add_node()) added.insert(edit.add_node().node().id());
    if (edit.has_rename_node()) id = edit.rename_node().new_id();
  }
  Close(part);
  v1::GraphOutput& output = *part.add_outputs();
  output.set_name("output");
  output.mutable_value()->mutable_reference()->set_node(id);
  const CompileResult result = CompilePart(part);
  int left = 0, here = 0, same = 0;
  for (const v1::Diagnostic& diagnostic : result.diagnostics) {
    if (diagnostic.severity() != v1::SEVERITY_ERROR || LeavesPart(diagnostic)) continue;
    if (added.contains(diagnostic.node())) return std::nullopt;
    if (diagnostic.code() == "LIMIT") {
      // It has shown nothing, and was more work than its instances tell.
      work_ -= kMostExpanded;
      return std::nullopt;
    }
    if (Same(diagnostic, site.diagnostic)) ++same;
    const bool at_node = diagnostic.node() == id;
    if (at_node) ++here;
    // A node that stays without a type hides what comes behind it.
    if (at_node || !known_.contains(ErrorKey(diagnostic))) left += at_node ? 2 : 1;
  }
  if (same >= SameAs(site.diagnostic)) return std::nullopt;
  const auto before = errors_.find(site.diagnostic.node());
  if (before != errors_.end() && here > before->second) return std::nullopt;
  return left;
}

}  // namespace graphkiln::compiler
