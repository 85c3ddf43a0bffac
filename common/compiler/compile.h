// The compiler: a graph in, a typed program and all diagnostics out. Pure; any thread.
//
//   normalise -> type (instantiates composites and node bodies; typed operator calls are the IR) ->
//   verify; errors get fixes (fixes/)
//
// One direction, no way back: each pass takes a whole value and returns a whole value plus
// diagnostics.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "common/compiler/node_types.h"
#include "common/compiler/value_tree.h"
#include "common/graph/source_map.h"
#include "common/ir/module.h"
#include "common/nodes/node_def.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

struct CompileOptions {
  // Puts file, line and column into diagnostics.
  const graph::SourceMap* positions = nullptr;
  // Errors that get fixes which were tried, best first; the others keep what was guessed.
  int most_fixes = 16;
  // Looks for what is legal, but hardly meant.
  bool lint = true;
  // Nodes that composites and containers may become, also those that turn out to be wrong. What a
  // container holds counts when it is written out, and again when it is entered.
  int64_t most_expanded = 400'000;
};

// One node as it runs, also those inside composites. In execution order; a composite stands before
// its parts.
struct Instance {
  std::string id;          // the user's id, or the id inside the composite (`id.0` for repeats)
  std::string identifier;  // Python name, unique among the instances of one parent
  std::string path;        // identifiers joined by dots: the prefix of its state_dict keys
  std::string
      weights_path;  // differs from path where the weights of another node are shared (`module`)
  std::string_view type;                // the name of def or composite
  const nodes::NodeDef* def = nullptr;  // exactly one of def and composite
  const v1::Composite* composite =
      nullptr;           // lives as long as the CompileResult's library and graph
  nodes::Params params;  // resolved, inferred ones filled in
  // By port; a variadic port is a tuple; kNone where not connected.
  absl::InlinedVector<Tree, 1> inputs;
  Tree output;             // by the type's output ports (a tuple where there are several)
  int parent = -1;         // instance of the composite around
  bool container = false;  // the composite is a Sequential, ModuleList or ModuleDict
  v1::CompileMode compile_mode = v1::COMPILE_MODE_RUNTIME;  // its own; see plan.h
  bool bypassed = false;  // takes no part: has no weights, makes no call, hands its input on
};

struct SizeAssumption {
  ir::Assumption condition;
  std::string node;  // the user's node that needs it
};

struct CompileResult {
  bool ok = false;
  std::vector<v1::Diagnostic> diagnostics;
  NodeTypesList nodes;  // the user's nodes, in the user's order
  // What `nodes` take for granted of open sizes. An open size stands for any number of 1 or more;
  // where a node needs a larger one, or a multiple, the types hold for those sizes only.
  std::vector<SizeAssumption> assumptions;
  // Null when !ok.
  std::shared_ptr<const ir::Module> module;
  std::vector<Instance> instances;
  // The graph's inputs and outputs as values of the module.
  std::vector<std::pair<std::string, Tree>> inputs;
  std::vector<std::pair<std::string, Tree>> outputs;
  v1::OutputForm output_form = v1::OUTPUT_FORM_SINGLE;  // resolved: single, tuple or dict
  // Keeps the composites of `instances` alive.
  std::shared_ptr<const void> keep_alive;
};

CompileResult Compile(const v1::Graph& graph, const CompileOptions& options = {});

}  // namespace graphkiln::compiler
