// What the CPU's kernels take for the time of one call, beside operands and results. A fact of the
// kernels, not of the operators: measured with PyTorch 2.11 (tests/parity/peak_memory_test.py).
// Pure.
#pragma once

#include <cstdint>

#include "common/estimate/sizes.h"
#include "common/ir/module.h"

namespace graphkiln::estimate {

// Bytes at the highest point above operands and results.
int64_t Scratch(const ir::Call& call, const ir::Module& module, const Sizes& sizes);

}  // namespace graphkiln::estimate
