// What the incremental compiler keeps of a graph, and its two ways from one to the next: a whole
// compilation (incremental_full.cc), and following the change of one node (incremental_step.cc).
// Behind IncrementalCompiler alone; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/compiler/finding_store.h"
#include "common/compiler/graph_scope.h"
#include "common/compiler/node_types.h"
#include "common/compiler/normalise.h"
#include "common/compiler/passes.h"
#include "common/compiler/wiring.h"
#include "common/ir/module.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

class IncrementalState {
 public:
  void Reset(v1::Graph graph) {
    graph_ = std::move(graph);
    nodes_.clear();
    Full();
  }
  absl::Status Replace(std::vector<v1::Node> nodes);

  const v1::Graph& graph() const { return graph_; }
  const v1::Node* Find(std::string_view id) const {
    const auto it = names_.nodes.find(id);
    return it != names_.nodes.end() ? &graph_.nodes(it->second) : nullptr;
  }
  bool ok() const { return findings_.errors() == 0; }
  const NodeTypesList& nodes() const { return nodes_; }
  const std::vector<int>& changed() const { return changed_; }
  size_t retyped() const { return retyped_; }
  std::vector<v1::Diagnostic> Diagnostics() const { return findings_.All(); }

  // A rough count: the graph, what the passes keep of each node, each value with its shape.
  size_t MemoryBytes() const {
    constexpr size_t kPerNode = 2048;
    constexpr size_t kPerValue = 150;
    return graph_bytes_ + static_cast<size_t>(graph_.nodes_size()) * kPerNode +
           module_.values.size() * kPerValue;
  }

 private:
  struct Changes {
    std::vector<int> other_ports;  // nodes that may have other ports than before
    bool other_sources = false;    // a node reads others than before
  };

  // ---- Everything: incremental_full.cc ----

  void Full();
  void Take(NodeTypesList nodes);
  // False where a name stands twice.
  bool Name();
  // Files what a whole compilation found; false where its findings are of a kind that other nodes
  // depend on.
  bool Sort(std::vector<v1::Diagnostic> diagnostics);
  // All that following single changes needs.
  void Prepare();
  void Number();

  // ---- One node: incremental_step.cc ----

  NormalNode& At(int index) { return passed_.normal.nodes[static_cast<size_t>(index)]; }
  int PlaceOf(int index) const { return place_[static_cast<size_t>(index)]; }
  // All bounds over the whole graph are far.
  bool Free() const;
  // False where only a whole compilation tells; the state is of no use then.
  bool Step(int index, const v1::Node& before);
  // The first pass over some nodes.
  void Normalise(const std::vector<int>& nodes, bool outputs, Changes* changes);
  void ReadWeight(int index);
  // Brings the nodes into order again, where the order may be another. What is typed differently
  // for that comes to `nodes`.
  void Order(bool other_sources, std::vector<int>* nodes);
  // The second pass over some nodes, and over those behind them as far as types change.
  bool Retype(const std::vector<int>& nodes, bool outputs);
  bool Outputs();
  // Whether a reader of the value would find no difference. Trees are at most 64 levels deep.
  bool Same(const Tree& a, const Tree& b) const;
  void WarnUnused();

  v1::Graph graph_;
  std::vector<std::string> ids_;  // of the inputs, then of the nodes; never another
  NameTable names_;
  std::shared_ptr<const void> keep_alive_;
  Passed passed_;
  ir::Module module_;  // values alone; those of former changes stay until all is compiled again
  size_t first_values_ = 0, instances_ = 0;
  size_t graph_bytes_ = 0;

  NodeTypesList nodes_;
  FindingStore findings_;
  std::vector<int> changed_;
  size_t retyped_ = 0;

  bool follows_ = false;  // changes of one node can be followed: all below is there
  std::optional<GraphScope> scope_;
  NormaliseArgs args_;
  std::vector<std::string> identifiers_;  // made when they are needed
  std::optional<Wiring> wiring_;
  std::vector<int> cyclic_;  // nodes that a reference was cut off from, rising
  std::vector<int> place_;   // in the order, by node
  int inactive_ = 0;         // nodes that are bypassed or muted
};

}  // namespace graphkiln::compiler
