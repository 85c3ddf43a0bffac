// Graphs of any size to measure the compiler on; bench.py builds the same models in PyTorch.
#pragma once

#include <string_view>

#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::bench {

// `shape`:
//   mlp       Linear, LayerNorm, GELU, Dropout, again and again, on [B, 256]
//   residual  Conv2d, BatchNorm2d, ReLU, Conv2d, BatchNorm2d, Add, ReLU, again and again, on
//             [B, 16, 32, 32]
// Any other gives an empty graph. Exactly `nodes` nodes.
v1::Graph MakeGraph(std::string_view shape, int nodes);

}  // namespace graphkiln::bench
