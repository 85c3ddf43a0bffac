// The attribute that holds each node's module in Python, and so the first part of the keys of its
// weights. Called by the normaliser and the incremental compiler. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

/// One identifier per node, all different, from names and, where there is none, ids. At the top of
/// a graph a name may have dots, as modules of TorchArc do: `enc.conv` is the module `conv` of a
/// group `enc`, where no other node and no method of nn.ModuleDict is called so.
std::vector<std::string> NodeIdentifiers(absl::Span<const v1::Node* const> nodes);

/// The same inside of a composite or container; see MangleInnerIds.
std::vector<std::string> InnerIdentifiers(absl::Span<const v1::Node* const> nodes, bool container);

}  // namespace graphkiln::compiler
