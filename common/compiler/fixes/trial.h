// Whether a fix mends what it is offered for: the part of the graph around the finding is cut out,
// changed and compiled. What arrives from outside the part stands as inputs of known types, so that
// a trial costs the same in a graph of ten nodes and of 100,000. One object per compilation.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/strings.h"
#include "common/compiler/compile.h"
#include "common/compiler/fixes/site.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

class Trials {
 public:
  Trials(const GraphView& view, const std::vector<v1::Diagnostic>& diagnostics);

  // How many errors the fix leaves or makes around the finding; nothing where the finding stays,
  // or where what the fix adds is wrong itself.
  std::optional<int> Try(const Site& site, const v1::Fix& fix);

  // The effort for one graph is spent: nothing can be tried any more.
  bool exhausted() const { return work_ <= 0; }

 private:
  // The nodes of the part, by index.
  std::vector<int> Part(const Site& site, const v1::Fix& fix) const;
  // What gives tuples to the part, and what owns its weights, comes along.
  void BringTuples(std::vector<int>& part) const;
  // For a fix of the graph's inputs: what hangs on them is compiled with them.
  std::optional<int> TryInputs(const v1::Fix& fix);
  // References that leave the part become inputs of it.
  void Close(v1::Graph& part) const;

  // Compiles without fixes and lints, and counts the work.
  CompileResult CompilePart(const v1::Graph& part);
  // A reference out of the part to something that has no type yet.
  bool LeavesPart(const v1::Diagnostic& diagnostic) const;

  // How many findings there are about the same mistake.
  int SameAs(const v1::Diagnostic& finding);

  const GraphView& view_;
  const std::vector<v1::Diagnostic>& diagnostics_;
  const v1::Diagnostic* last_ = nullptr;  // that same_ is about
  int same_ = 0;
  StringMap<int> errors_;  // by node
  StringSet known_;        // node and code of each error
  int64_t work_;
};

}  // namespace graphkiln::compiler
