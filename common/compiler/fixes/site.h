// What the generators of fixes see: a graph beside the types that the compiler found, and the place
// of one finding in it. Built once per compilation that has findings to mend, in time linear in the
// graph. Not thread-safe: some parts are built on first use.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/strings.h"
#include "common/compiler/fixes/edits.h"
#include "common/compiler/node_types.h"
#include "common/ir/types.h"
#include "common/nodes/node_def.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

class GraphView {
 public:
  // `types` in the order of the graph's nodes; empty where typing was never reached. Both must
  // outlive the view.
  GraphView(const v1::Graph& graph, const NodeTypesList& types);

  const v1::Graph& graph() const { return graph_; }
  const v1::Node& node(int index) const { return graph_.nodes(index); }
  int FindNode(std::string_view id) const;  // -1 where unknown
  int FindInput(std::string_view name) const;

  // Type of the one tensor that a reference names; nothing where it is unknown, or a tuple.
  std::optional<ir::TensorType> TypeOf(const v1::Reference& reference) const;
  // Names of the ports of a node's result; empty where unknown.
  std::vector<std::string> OutputPorts(int node) const;
  // True where the node is typed, whatever it gives.
  bool Typed(int node) const;

  // Nodes that take something from the node, each once.
  const std::vector<int>& Consumers(int node) const;
  // True where another node or an output of the graph takes something from the node.
  bool Used(int node) const;
  bool InputUsed(int input) const;
  // Nodes that take what is called so and is no node: an input, or nothing at all.
  const std::vector<int>& Readers(std::string_view name) const;
  // For each node whether it takes something from `node`, directly or through others.
  std::vector<bool> Descendants(int node) const;

  // An id that nothing bears yet, such as `fc_flatten`.
  std::string FreshId(std::string_view base) const;

 private:
  void Connect() const;

  const v1::Graph& graph_;
  const NodeTypesList& types_;
  StringMap<int> nodes_, inputs_;
  mutable bool connected_ = false;
  mutable std::vector<std::vector<int>> consumers_;
  mutable std::vector<bool> output_, input_used_;
  mutable StringMap<std::vector<int>> readers_;
};

// One value at a port of the node of a finding.
struct SiteInput {
  InputPort port;
  int position = -1;                    // in a port that takes several
  std::optional<v1::Reference> source;  // nothing for literals and nested arguments
  std::optional<ir::TensorType> type;

  std::string PortText() const;  // `input`, `inputs[1]`
};

// The place of a finding.
struct Site {
  Site(const GraphView& view, const v1::Diagnostic& diagnostic);

  // The input that the finding is about: that of its port, else the first one; null without any.
  const SiteInput* At() const;
  // A whole number that the node's text sets, expressions aside.
  std::optional<int64_t> IntParam(std::string_view name) const;

  const GraphView& view;
  const v1::Diagnostic& diagnostic;
  int index = -1;  // of the node; -1 where the finding is about no node
  const v1::Node* node = nullptr;
  const nodes::NodeDef* def = nullptr;   // null for composites and unknown types
  std::vector<nodes::ParamSpec> params;  // of the node's type; empty where unknown
  std::vector<InputPort> ports;
  std::vector<SiteInput> inputs;
};

}  // namespace graphkiln::compiler
