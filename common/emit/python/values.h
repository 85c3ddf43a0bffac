// How values of the graph are written inside of one `forward`: which name or index expression
// stands for which value, and how nested results are taken apart, returned, annotated and
// described.
//
// Used by the Python emitter, one per class. Not thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "common/compiler/value_tree.h"
#include "common/ir/module.h"

namespace graphkiln::emit::python {

class Values {
 public:
  explicit Values(const ir::Module& module) : module_(module) {}

  // Every tensor of the tree can be read as `expression` and indices behind it; what is known
  // already stays.
  void Bind(const compiler::Tree& tree, const std::string& expression);
  bool Knows(ir::ValueId id) const { return expressions_.contains(id.index); }

  // Reads the tree; `bare` leaves out the parentheses around an outermost tuple.
  std::string Read(const compiler::Tree& tree, bool bare = false) const;

  // `a, (b, _)`: the target that takes a result apart, binding the names that `name(value)` gives;
  // an empty name is written `_`. Not for trees with dicts.
  std::string Target(const compiler::Tree& tree,
                     const std::function<std::string(ir::ValueId)>& name, bool outermost = true);

  // `Tensor`, `tuple[Tensor, Tensor]`, `dict[str, Tensor]`; a dict of different things holds `Any`.
  std::string Annotation(const compiler::Tree& tree) const;
  // `[B, 16]`, `int64[B]`, `([B, 4], [1, B, 4])`.
  std::string Shapes(const compiler::Tree& tree) const;

 private:
  const ir::Module& module_;
  absl::flat_hash_map<int32_t, std::string> expressions_;
};

bool HasDict(const compiler::Tree& tree);

}  // namespace graphkiln::emit::python
