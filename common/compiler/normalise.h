// First pass: names become indices. Types and composites are looked up, expressions in parameters
// evaluated, references resolved to nodes and ports, nodes brought into execution order; cycles,
// unknown names and missing inputs are found.
//
// The same pass serves the user's graph and the inside of a composite.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "common/base/rare_vector.h"
#include "common/base/strings.h"
#include "common/compiler/expression.h"
#include "common/compiler/report.h"
#include "common/compiler/value_tree.h"
#include "common/nodes/given_params.h"
#include "common/nodes/node_def.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

class CompositeLibrary;

// A resolved argument.
struct Arg {
  enum class Kind { kInput, kNode, kList, kMap, kLiteral, kUnknown };
  Kind kind = Kind::kUnknown;
  int index = -1;                 // of the graph input or node
  int port = -1;                  // output port; -1: the whole result
  bool cut = false;               // kUnknown: a reference to `index` that would close a cycle
  RareVector<Arg> items;          // kList, kMap
  RareVector<std::string> names;  // kMap
  Literal literal;                // kLiteral
};
// What stands at one port: several for variadic ones.
using PortArgs = absl::InlinedVector<Arg, 1>;

// Calls `visit(arg)` for every node that an argument refers to, also where that was cut. The
// normaliser bounds the depth.
template <class A, class F>
void VisitRefs(A& arg, F&& visit) {
  if (arg.kind == Arg::Kind::kNode || arg.cut) visit(arg);
  for (auto& item : arg.items) VisitRefs(item, visit);
}

struct NormalNode {
  const v1::Node* source = nullptr;  // as written
  std::string id;
  std::string identifier;  // unique in its graph, legal in Python
  std::string type;
  const nodes::NodeDef* def =
      nullptr;  // exactly one of def and composite; both null where the type is unknown
  const v1::Composite* composite = nullptr;
  std::shared_ptr<const v1::Composite> own;  // what `composite` is, for a container
  nodes::GivenParams params;                 // of `source`, or what its expressions give
  std::shared_ptr<const std::vector<v1::Value>> evaluated;  // these; null where there are none
  absl::InlinedVector<PortArgs, 1> inputs;                  // by port
  v1::NodeMode mode = v1::NODE_MODE_NORMAL;
  v1::CompileMode compile_mode = v1::COMPILE_MODE_RUNTIME;
  int module = -1;          // node whose weights this one shares
  bool is_owner = false;    // other nodes share its weights
  bool broken = false;      // has errors already; its result is unknown
  bool bad_params = false;  // errors in its parameters among them
  bool in_cycle = false;    // an argument was cut off; its result is unknown
};

template <class Node, class F>
void VisitNodeRefs(Node& node, F&& visit) {
  for (auto& port : node.inputs) {
    for (auto& arg : port) VisitRefs(arg, visit);
  }
}

inline bool IsActive(const NormalNode& node) {
  return node.mode != v1::NODE_MODE_BYPASSED && node.mode != v1::NODE_MODE_MUTED;
}

struct NormalGraph {
  std::vector<std::string> inputs;
  std::vector<NormalNode> nodes;
  std::vector<int>
      order;  // execution order; nodes in cycles are in it, the closing edge is kUnknown
  std::vector<std::pair<std::string, Arg>> outputs;
};

struct NormaliseArgs {
  std::vector<std::string> inputs;
  std::vector<const v1::Node*> nodes;
  std::vector<const v1::GraphOutput*> outputs;
  const ExpressionScope* scope = nullptr;
  const CompositeLibrary* composites = nullptr;
  bool container = false;  // the ids are keys, which may be numbers
  // Nodes that composites and containers may still become, over the whole graph.
  int64_t* budget = nullptr;
  // Place of the composite around; empty for the user's graph.
  Report::Place outer;
};

NormalGraph Normalise(const NormaliseArgs& args, Report& report);

// Places of inputs and nodes by name. Whoever fills it in keeps the names.
struct NameTable {
  using Map = absl::flat_hash_map<std::string_view, int, StringHash, StringEq>;
  Map inputs, nodes;
};

// Parts of the user's graph that are normalised anew, for the incremental compiler.
struct Renewal {
  // Of the whole graph, where no name stands twice.
  const NameTable* names = nullptr;
  // By rising index; with a node come all that share weights with it.
  std::vector<int> nodes;
  // As NodeIdentifiers gives them, by node of the whole graph; null where no node shares weights.
  const std::vector<std::string>* identifiers = nullptr;
  bool outputs = false;  // the outputs, too
};

// `args` as the graph was normalised with; the order stays as it was, and nothing is said of it.
void NormaliseAgain(const NormaliseArgs& args, const Renewal& renewal, NormalGraph* graph,
                    Report& report);

}  // namespace graphkiln::compiler
