// Every node type that a graph may use, in one list: the registry's, the built-in composites and
// the containers. Clients get it by NodeRegistryService, users by `kiln explain` and the reference
// page. Built once, then read-only; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graphkiln/v1/graph.pb.h"
#include "graphkiln/v1/node_registry_service.pb.h"

namespace graphkiln::nodes {
struct NodeDef;
}

namespace graphkiln::compiler {

struct PaletteEntry {
  std::string name, category;
  // One of them; neither for a container.
  const nodes::NodeDef* def = nullptr;
  const v1::Composite* composite = nullptr;

  // Types the example of a registered type: microseconds.
  v1::NodeType Describe() const;
};

// Ordered by name. The types `aten.*` stand apart: nodes::OperatorNodes().
const std::vector<PaletteEntry>& Palette();
// The type of that name, also by another name of it and for `aten.*`; nothing where there is none.
std::optional<v1::NodeType> DescribeType(std::string_view name);
// Changes with everything that Describe tells.
const std::string& PaletteVersion();

}  // namespace graphkiln::compiler
