// Nodes that share weights are one module in Python, so all that makes the module must agree.
// Called by the type pass; one object per compilation.
#pragma once

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "common/base/strings.h"
#include "common/compiler/compile.h"
#include "common/compiler/normalise.h"
#include "common/compiler/report.h"

namespace graphkiln::compiler {

class SharedModules {
 public:
  // True where another node of `graph` names this one as its module: whichever comes first declares
  // the weights. Remembers the graph until Forget.
  bool IsOwner(const NormalGraph& graph, int index);
  void Forget(const NormalGraph& graph) { owners_.erase(&graph); }

  // Compares with the first node of the same weights path; reports what differs.
  bool Agrees(const Instance& instance, const Report::Place& place, Report& report);

 private:
  struct Module {
    std::string type;
    nodes::Params params;
    std::string ports;
  };
  StringMap<Module> modules_;  // by weights path
  absl::flat_hash_map<const NormalGraph*, std::optional<absl::flat_hash_set<int>>> owners_;
};

}  // namespace graphkiln::compiler
