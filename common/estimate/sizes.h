// The types of a program with all symbols replaced: elements and bytes of every value, operations
// of every call.
//
// Used inside of `estimate`. Arithmetic saturates. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/ir/module.h"
#include "common/ir/type_context.h"

namespace graphkiln::estimate {

class Sizes {
 public:
  // `module` must outlive the sizes. Absent symbols count 1.
  Sizes(const ir::Module& module, const std::map<std::string, int64_t>& symbols);

  // Of a tensor; 0 for other values.
  int64_t Elements(ir::ValueId id) const { return elements_[static_cast<size_t>(id.index)]; }
  int64_t Bytes(ir::ValueId id) const;
  int64_t Flops(const ir::Call& call) const;
  int64_t Evaluate(const ir::Dim& dim) const;
  // Bytes that the kernel itself keeps for backward.
  int64_t Workspace(const ir::Call& call) const;
  // The first output is the first argument itself (OpDef::hands_on).
  bool HandsOn(const ir::Call& call, bool training) const;

 private:
  int64_t Rule(const ir::Call& call, ir::Dim (*rule)(const ir::TypeContext&)) const;
  const ir::Module& module_;
  const std::map<std::string, int64_t>& symbols_;
  std::vector<int64_t> elements_;
};

// Saturating, for sums over many values.
int64_t Plus(int64_t a, int64_t b);
int64_t Times(int64_t a, int64_t b);

}  // namespace graphkiln::estimate
