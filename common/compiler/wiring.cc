#include "common/compiler/wiring.h"

#include <algorithm>
#include <set>

#include "common/graph/references.h"

namespace graphkiln::compiler {
namespace {

// Indices of nodes that an argument names as the user wrote it.
void AddNamed(const v1::Argument& argument, const NameTable& names, std::vector<int>* out) {
  graph::VisitReferences(argument, [&](const v1::Reference& reference) {
    const auto it = names.nodes.find(reference.node());
    if (it != names.nodes.end()) out->push_back(it->second);
  });
}

}  // namespace

Wiring::Wiring(const v1::Graph& graph, const NameTable& names)
    : names_(names),
      readers_(static_cast<size_t>(graph.nodes_size())),
      in_output_(static_cast<size_t>(graph.nodes_size()), false) {
  for (int i = 0; i < graph.nodes_size(); ++i) {
    for (const int source : NamedBy(graph.nodes(i)))
      readers_[static_cast<size_t>(source)].push_back(i);
    if (const int owner = ModuleOf(i, graph.nodes(i)); owner >= 0) Link(modules_, i, owner);
  }
  std::vector<int> named;
  for (const v1::GraphOutput& output : graph.outputs()) AddNamed(output.value(), names_, &named);
  for (const int node : named) in_output_[static_cast<size_t>(node)] = true;
}

void Wiring::Change(int node, const v1::Node& before, const v1::Node& after) {
  const std::vector<int> old_sources = NamedBy(before);
  const std::vector<int> sources = NamedBy(after);
  if (sources != old_sources) {
    for (const int source : old_sources) {
      std::vector<int>& readers = readers_[static_cast<size_t>(source)];
      readers.erase(std::find(readers.begin(), readers.end(), node));
    }
    for (const int source : sources) readers_[static_cast<size_t>(source)].push_back(node);
  }
  const int old_owner = ModuleOf(node, before);
  const int owner = ModuleOf(node, after);
  if (owner == old_owner) return;
  if (old_owner >= 0) Unlink(modules_, node, old_owner);
  if (owner >= 0) Link(modules_, node, owner);
}

void Wiring::SetWeightRead(int node, int owner) {
  const auto it = owner_read_.find(node);
  if (it != owner_read_.end()) {
    Unlink(reads_, node, it->second);
    owner_read_.erase(it);
  }
  if (owner < 0) return;
  owner_read_.emplace(node, owner);
  Link(reads_, node, owner);
}

std::vector<int> Wiring::AllSharing() const {
  std::set<int> all;
  for (const Links* links : {&modules_, &reads_}) {
    for (const auto& [node, others] : *links) all.insert(node);
  }
  return {all.begin(), all.end()};
}

// Two nodes may name each other: each naming is a link of its own.
void Wiring::Link(Links& links, int a, int b) {
  links[a].push_back(b);
  links[b].push_back(a);
}

void Wiring::Unlink(Links& links, int a, int b) {
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    const auto it = links.find(from);
    it->second.erase(std::find(it->second.begin(), it->second.end(), to));
    if (it->second.empty()) links.erase(it);
  }
}

std::vector<int> Wiring::Reached(int node, std::initializer_list<const Links*> links) {
  std::set<int> reached = {node};
  std::vector<int> stack = {node};
  while (!stack.empty()) {
    const int at = stack.back();
    stack.pop_back();
    for (const Links* some : links) {
      const auto it = some->find(at);
      if (it == some->end()) continue;
      for (const int next : it->second) {
        if (reached.insert(next).second) stack.push_back(next);
      }
    }
  }
  return {reached.begin(), reached.end()};
}

// Each once.
std::vector<int> Wiring::NamedBy(const v1::Node& node) const {
  std::vector<int> named;
  for (const v1::NodeInput& input : node.inputs()) AddNamed(input.value(), names_, &named);
  std::sort(named.begin(), named.end());
  named.erase(std::unique(named.begin(), named.end()), named.end());
  return named;
}

int Wiring::ModuleOf(int node, const v1::Node& source) const {
  if (source.module().empty()) return -1;
  const auto it = names_.nodes.find(source.module());
  return it != names_.nodes.end() && it->second != node ? it->second : -1;
}

}  // namespace graphkiln::compiler
