// Who names whom in a graph of which nodes change: readers of a node, and nodes that share weights.
// Used by the incremental compiler; not thread-safe.
#pragma once

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "common/compiler/normalise.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

class Wiring {
 public:
  // `names` must outlive the wiring; no name stands twice.
  Wiring(const v1::Graph& graph, const NameTable& names);

  // The node says something else now.
  void Change(int node, const v1::Node& before, const v1::Node& after);
  // WeightOf reads a weight of `owner`; -1: it reads none.
  void SetWeightRead(int node, int owner);

  // Nodes that name this one in an argument, also where the port is wrong.
  const std::vector<int>& Readers(int node) const { return readers_[static_cast<size_t>(node)]; }
  bool InOutput(int node) const { return in_output_[static_cast<size_t>(node)]; }

  // Nodes that `module` joins with this one, directly or over others; itself where there are none.
  // By rising index.
  std::vector<int> Sharing(int node) const { return Reached(node, {&modules_}); }
  // Those, and nodes that read weights of theirs.
  std::vector<int> WeightGroup(int node) const { return Reached(node, {&modules_, &reads_}); }
  bool SharesWeights(int node) const { return modules_.contains(node) || reads_.contains(node); }
  // All nodes that share weights.
  std::vector<int> AllSharing() const;

 private:
  using Links = absl::flat_hash_map<int, absl::InlinedVector<int, 2>>;  // in both directions

  static void Link(Links& links, int a, int b);
  static void Unlink(Links& links, int a, int b);
  static std::vector<int> Reached(int node, std::initializer_list<const Links*> links);
  std::vector<int> NamedBy(const v1::Node& node) const;
  int ModuleOf(int node, const v1::Node& source) const;

  const NameTable& names_;
  std::vector<std::vector<int>> readers_;
  std::vector<bool> in_output_;
  Links modules_, reads_;
  absl::flat_hash_map<int, int> owner_read_;  // by reading node
};

}  // namespace graphkiln::compiler
