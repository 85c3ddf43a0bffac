// The reference page of node types and operators, made from both tables.
//
// Printed by `kiln explain --markdown`; a copy stands in common/nodes/REFERENCE.md, and a unit test
// fails where that copy is stale. Pure; any thread.
#pragma once

#include <string>

namespace graphkiln::emit {

// Markdown: the targets, all types by category, all operators with their rules.
std::string ReferencePage();

}  // namespace graphkiln::emit
