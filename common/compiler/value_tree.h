// What a node gives: a tensor, or a tuple or dict of such, or nothing known after an error.
#pragma once

#include <string>
#include <vector>

#include "common/ir/module.h"
#include "graphkiln/v1/value.pb.h"

namespace graphkiln::compiler {

struct Tree {
  enum class Kind { kUnknown, kTensor, kTuple, kDict, kNone, kLiteral };
  Kind kind = Kind::kUnknown;
  ir::ValueId value;               // kTensor
  std::vector<Tree> items;         // kTuple, kDict
  std::vector<std::string> names;  // kDict, one per item
  v1::Value literal;               // kLiteral

  static Tree Tensor(ir::ValueId id) {
    Tree tree;
    tree.kind = Kind::kTensor;
    tree.value = id;
    return tree;
  }
  static Tree Tuple(std::vector<Tree> items) {
    Tree tree;
    tree.kind = Kind::kTuple;
    tree.items = std::move(items);
    return tree;
  }
  bool IsTensor() const { return kind == Kind::kTensor; }
};

// True where no part is unknown. Depth is bounded by the readers (64 levels).
inline bool IsKnown(const Tree& tree) {
  if (tree.kind == Tree::Kind::kUnknown) return false;
  for (const Tree& item : tree.items) {
    if (!IsKnown(item)) return false;
  }
  return true;
}

// Calls `visit(path, ValueId)` for each tensor in order; path is `0`, `1.key`, ... or empty.
template <class F>
void VisitTensors(const Tree& tree, const std::string& path, F&& visit) {
  if (tree.IsTensor()) visit(path, tree.value);
  for (size_t i = 0; i < tree.items.size(); ++i) {
    const std::string name = tree.kind == Tree::Kind::kDict ? tree.names[i] : std::to_string(i);
    VisitTensors(tree.items[i], path.empty() ? name : path + "." + name, visit);
  }
}

// `(float32[B, 4], ...)`: what stands there, for messages.
std::string TreeText(const Tree& tree, const ir::Module& module);

}  // namespace graphkiln::compiler
