// Between what stands at a node's ports and the tensors that its body works with. Called by the
// type pass; pure.
#pragma once

#include <optional>

#include "absl/types/span.h"
#include "common/compiler/compile.h"
#include "common/compiler/report.h"
#include "common/nodes/body.h"

namespace graphkiln::compiler {

// Tensors at the input ports, or a diagnostic about each thing that stands there instead.
std::optional<nodes::PortValues> TensorsAt(const nodes::NodeDef& def, const Instance& instance,
                                           const Report::Place& place, const ir::Module& module,
                                           Report& report);

// The node's whole result: each value at the place that its output port's path names.
Tree ResultOf(const nodes::NodeDef& def, const nodes::Params& params,
              absl::Span<const ir::ValueId> values);

// What `Get` takes from the tuple or dict at its input; null after a diagnostic.
const Tree* PickItem(const Instance& instance, const Report::Place& place, const ir::Module& module,
                     Report& report);

}  // namespace graphkiln::compiler
