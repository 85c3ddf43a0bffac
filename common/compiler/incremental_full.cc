#include <map>

#include "common/compiler/compile.h"
#include "common/compiler/incremental_state.h"

namespace graphkiln::compiler {
namespace {

using Pass = FindingStore::Pass;
using Part = FindingStore::Part;

bool StartsWith(const std::string& text, std::string_view start) {
  return text.compare(0, start.size(), start) == 0;
}

}  // namespace

void IncrementalState::Full() {
  passed_ = Passed();
  CompileOptions options;
  options.lint = false;
  options.most_fixes = 0;
  CompileResult result = CompileKeeping(graph_, options, &passed_);
  keep_alive_ = std::move(result.keep_alive);
  module_ = ir::Module();
  module_.values = std::move(passed_.values);
  module_.sizes = passed_.sizes;
  first_values_ = module_.values.size();
  instances_ = passed_.instances;
  retyped_ = static_cast<size_t>(graph_.nodes_size());
  graph_bytes_ = graph_.SpaceUsedLong();
  Take(std::move(result.nodes));
  const bool unique = Name();
  const bool plain = Sort(std::move(result.diagnostics));
  follows_ = passed_.complete && unique && plain;
  if (follows_) Prepare();
}

void IncrementalState::Take(NodeTypesList nodes) {
  changed_.clear();
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (i >= nodes_.size() || nodes_[i] != nodes[i]) changed_.push_back(static_cast<int>(i));
  }
  nodes_ = std::move(nodes);
}

bool IncrementalState::Name() {
  ids_.clear();
  ids_.reserve(static_cast<size_t>(graph_.nodes_size() + graph_.inputs_size()));
  names_ = NameTable();
  names_.nodes.reserve(static_cast<size_t>(graph_.nodes_size()));
  for (int i = 0; i < graph_.inputs_size(); ++i)
    names_.inputs.emplace(ids_.emplace_back(graph_.inputs(i).name()), i);
  bool unique = true;
  for (int i = 0; i < graph_.nodes_size(); ++i) {
    unique &= names_.nodes.emplace(ids_.emplace_back(graph_.nodes(i).id()), i).second;
    unique &= !names_.inputs.contains(graph_.nodes(i).id());
  }
  return unique;
}

bool IncrementalState::Sort(std::vector<v1::Diagnostic> diagnostics) {
  findings_ = FindingStore();
  std::map<std::pair<int, Pass>, FindingStore::Found> of_nodes;
  std::map<Part, FindingStore::Found> of_graph;
  std::vector<std::pair<int, v1::Diagnostic>> unused;
  bool plain = true;
  for (size_t i = 0; i < diagnostics.size(); ++i) {
    v1::Diagnostic& d = diagnostics[i];
    const bool normalise = i < passed_.normalise_findings;
    plain &= d.code() != "BAD_ID" && d.code() != "INTERNAL";
    const auto node = names_.nodes.find(d.node());
    if (d.node().empty() || node == names_.nodes.end()) {
      const bool output = StartsWith(d.path(), "outputs");
      const Part part = normalise ? output && d.code() != "DUPLICATE_ID" && d.path() != "outputs"
                                        ? Part::kOutputArguments
                                        : Part::kBounds
                        : output  ? Part::kOutputValues
                                  : Part::kInputTypes;
      of_graph[part].push_back(std::move(d));
    } else if (d.code() == "UNUSED_NODE") {
      unused.emplace_back(node->second, std::move(d));
    } else {
      const Pass pass = normalise ? d.code() == "CYCLE" ? Pass::kCycle : Pass::kNormalise
                        : i < passed_.node_findings ? Pass::kType
                                                    : Pass::kOutputs;
      of_nodes[{node->second, pass}].push_back(std::move(d));
    }
  }
  for (auto& [at, found] : of_nodes) findings_.Put(at.first, at.second, std::move(found));
  for (auto& [part, found] : of_graph) findings_.Put(part, std::move(found));
  findings_.PutUnused(std::move(unused));
  return plain;
}

void IncrementalState::Prepare() {
  scope_.emplace(graph_);
  args_ = NormaliseArgs();
  for (const v1::GraphInput& input : graph_.inputs()) args_.inputs.push_back(input.name());
  for (const v1::Node& node : graph_.nodes()) args_.nodes.push_back(&node);
  for (const v1::GraphOutput& output : graph_.outputs()) args_.outputs.push_back(&output);
  args_.scope = &*scope_;
  args_.composites = passed_.composites;
  args_.budget = &passed_.expandable;
  identifiers_.clear();
  wiring_.emplace(graph_, names_);
  cyclic_.clear();
  inactive_ = 0;
  for (int i = 0; i < graph_.nodes_size(); ++i) {
    if (At(i).in_cycle) cyclic_.push_back(i);
    if (!IsActive(At(i))) ++inactive_;
    ReadWeight(i);
  }
  Number();
}

void IncrementalState::Number() {
  place_.resize(passed_.normal.nodes.size());
  for (size_t i = 0; i < passed_.normal.order.size(); ++i)
    place_[static_cast<size_t>(passed_.normal.order[i])] = static_cast<int>(i);
}

}  // namespace graphkiln::compiler
