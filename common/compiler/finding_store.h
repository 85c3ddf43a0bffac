// The findings of a graph that is checked again and again, kept by node and by the pass that makes
// them, so that one pass over one node can replace its own. Used by the incremental compiler; not
// thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "graphkiln/v1/diagnostic.pb.h"

namespace graphkiln::compiler {

class FindingStore {
 public:
  // In the order in which the findings of one node stand.
  enum class Pass { kNormalise, kCycle, kType, kOutputs };
  // The same for those of no node. The inputs' and what bounds the graph never change.
  enum class Part { kBounds, kOutputArguments, kInputTypes, kOutputValues };
  using Found = std::vector<v1::Diagnostic>;

  void Put(int node, Pass pass, Found found);
  void Put(Part part, Found found);
  // Nodes that nothing needs, by rising node.
  void PutUnused(std::vector<std::pair<int, v1::Diagnostic>> unused) {
    unused_ = std::move(unused);
  }
  // All of one pass.
  void Drop(Pass pass);

  int errors() const { return errors_; }
  size_t size() const { return count_ + unused_.size(); }
  // No error was found before types were looked at.
  bool normal() const { return normal_errors_ == 0; }

  // Those of no node first, then by node.
  Found All() const;

 private:
  struct OfNode {
    std::array<Found, 4> passes;
  };
  // Puts `found` in the place of `at`.
  void Exchange(Found& at, Found found, bool normal);

  std::array<Found, 4> parts_;
  std::map<int, OfNode> nodes_;
  std::vector<std::pair<int, v1::Diagnostic>> unused_;
  int errors_ = 0, normal_errors_ = 0;
  size_t count_ = 0;
};

}  // namespace graphkiln::compiler
