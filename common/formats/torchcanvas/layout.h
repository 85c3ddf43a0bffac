// Whether data lies as nodes of TorchCanvas read it. Used by the reader. Pure.
#pragma once

#include <vector>

#include "common/formats/torchcanvas/entries.h"

namespace graphkiln::formats::torchcanvas {

/// Warns where channels first data reaches a node that reads [B, T, H], with the Permute that is
/// missing as a fix.
void CheckLayouts(Entries& entries, graph::Reader& report);

}  // namespace graphkiln::formats::torchcanvas
