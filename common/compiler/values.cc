#include "common/compiler/values.h"

#include <utility>

namespace graphkiln::compiler {
namespace {

// What leaves by one output port of a node whose whole result is `result`.
Tree Port(const NormalNode& node, const Tree& result, int port) {
  if (node.composite != nullptr) {
    if (node.composite->outputs_size() == 1) return result;
    return static_cast<size_t>(port) < result.items.size() ? result.items[static_cast<size_t>(port)]
                                                           : Tree();
  }
  // A plain result stands for its only port.
  const Tree* at = &result;
  if (result.IsTensor()) return port == 0 ? result : Tree();
  for (const int step : node.def->outputs[static_cast<size_t>(port)].path) {
    if (static_cast<size_t>(step) >= at->items.size()) return Tree();
    at = &at->items[static_cast<size_t>(step)];
  }
  return *at;
}

}  // namespace

Tree Values::Of(const Scope& scope, const Arg& arg) {
  Tree tree;
  switch (arg.kind) {
    case Arg::Kind::kInput:
      return scope.inputs[static_cast<size_t>(arg.index)];
    case Arg::Kind::kNode: {
      const Tree& result = scope.results[static_cast<size_t>(arg.index)];
      if (arg.port < 0) return result;
      return Port(scope.graph.nodes[static_cast<size_t>(arg.index)], result, arg.port);
    }
    case Arg::Kind::kList:
      tree.kind = Tree::Kind::kTuple;
      return Items(scope, arg, std::move(tree));
    case Arg::Kind::kMap:
      tree.kind = Tree::Kind::kDict;
      tree.names = arg.names;
      return Items(scope, arg, std::move(tree));
    case Arg::Kind::kLiteral:
      tree.kind = Tree::Kind::kLiteral;
      tree.literal = arg.literal;
      return tree;
    case Arg::Kind::kUnknown:
      return tree;
  }
  return tree;
}

Tree Values::Items(const Scope& scope, const Arg& arg, Tree tree) {
  for (const Arg& item : arg.items) {
    tree.Add(Of(scope, item));
    if (tree.size <= kMostParts && tree.depth <= kMostLevels) continue;
    grown_ = true;
    return Tree();
  }
  return tree;
}

Tree Values::At(const Scope& scope, const PortArgs& args, bool variadic) {
  Tree tree;
  left_out_.reset();
  if (!args.empty() && !variadic) return Of(scope, args[0]);
  tree.kind = args.empty() ? Tree::Kind::kNone : Tree::Kind::kTuple;
  bool skipped = false;
  for (const Arg& arg : args) {
    Tree value = Of(scope, arg);
    if (value.kind == Tree::Kind::kNone) {
      skipped = true;
    } else if (value.kind == Tree::Kind::kMuted) {
      left_out_ = std::move(value);
    } else if (args.size() == 1 && value.kind == Tree::Kind::kTuple) {
      // A tuple given to a port that takes several values is taken apart.
      for (Tree& item : value.items) {
        if (item.kind == Tree::Kind::kMuted) {
          left_out_ = std::move(item);
        } else {
          tree.Add(std::move(item));
        }
      }
    } else {
      tree.Add(std::move(value));
    }
  }
  // Optional ports of the composite around that nothing is connected to.
  if (skipped && tree.items.empty()) tree.kind = Tree::Kind::kNone;
  if (left_out_ && tree.items.empty()) return *left_out_;
  return tree;
}

bool Values::TooLarge(const Tree& tree) {
  if (tree.size > 1) kept_ += tree.size;
  const bool grown = grown_ || full();
  grown_ = false;
  return grown;
}

}  // namespace graphkiln::compiler
