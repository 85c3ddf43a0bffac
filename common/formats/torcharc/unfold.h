// A graph as TorchArc can say it: what its modules cannot hold - composites that are no class
// there, containers in containers - is taken apart. The modules inside keep the keys of their
// weights, as names with dots. Used by the writer. Pure.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/strings.h"
#include "common/compiler/compile.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::formats::torcharc {

struct Unfolded {
  v1::Graph graph;
  compiler::CompileResult compiled;  // of `graph`
  StringMap<std::string> from;       // new node -> the one that it was in; others are not in it
};

/// Nothing where no node need be taken apart. REQUIRES: `compiled` is `graph`'s, without errors.
absl::StatusOr<std::optional<Unfolded>> Unfold(const v1::Graph& graph,
                                               const compiler::CompileResult& compiled);

}  // namespace graphkiln::formats::torcharc
