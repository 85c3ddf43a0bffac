// What a node gives: a tensor, or a tuple or dict of such, or nothing known after an error.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/boxed.h"
#include "common/base/rare_vector.h"
#include "common/ir/module.h"
#include "graphkiln/v1/value.pb.h"

namespace graphkiln::compiler {

// A literal, shared between the copies of what holds it: most trees have none, and an empty message
// in each would cost more than all else in it.
class Literal {
 public:
  Literal() = default;
  Literal(v1::Value value) : value_(Boxed(std::move(value))) {}  // NOLINT
  const v1::Value& value() const { return value_ ? **value_ : v1::Value::default_instance(); }
  operator const v1::Value&() const { return value(); }  // NOLINT: stands for its value
  v1::Value::KindCase kind_case() const { return value().kind_case(); }

 private:
  std::optional<Boxed<v1::Value>> value_;
};

struct Tree {
  // kMuted and kWithheld: a muted node, or a bypassed one that has no value for this output.
  enum class Kind { kUnknown, kTensor, kTuple, kDict, kNone, kLiteral, kMuted, kWithheld };
  Kind kind = Kind::kUnknown;
  ir::ValueId value;              // kTensor
  RareVector<Tree> items;         // kTuple, kDict
  RareVector<std::string> names;  // kDict, one per item; kMuted, kWithheld: where and what
  Literal literal;                // kLiteral
  // Trees in it, itself included, and levels of them; the type pass bounds both.
  uint32_t size = 1;
  int depth = 1;

  static Tree Tensor(ir::ValueId id) {
    Tree tree;
    tree.kind = Kind::kTensor;
    tree.value = id;
    return tree;
  }
  static Tree Tuple(std::vector<Tree> items) {
    Tree tree;
    tree.kind = Kind::kTuple;
    for (Tree& item : items) tree.Add(std::move(item));
    return tree;
  }
  void Add(Tree item) {
    size += item.size;
    depth = std::max(depth, item.depth + 1);
    items.push_back(std::move(item));
  }
  bool IsTensor() const { return kind == Kind::kTensor; }
};

// Sets `size` and `depth` of a tree built by hand, at most a few levels deep.
inline void Measure(Tree& tree) {
  tree.size = 1;
  tree.depth = 1;
  for (Tree& item : tree.items) {
    Measure(item);
    tree.size += item.size;
    tree.depth = std::max(tree.depth, item.depth + 1);
  }
}

// True where no part is unknown.
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
