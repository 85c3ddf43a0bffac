// What the CPU's kernels take for the time of one call, beside operands and results. A fact of the
// kernels, not of the operators: measured with PyTorch 2.11 (tests/parity/peak_memory_test.py).
//
// Used inside of `estimate`. Pure.
#pragma once

#include <cstdint>

#include "common/estimate/sizes.h"
#include "common/ir/module.h"

namespace graphkiln::estimate {

// Bytes at the highest point above operands, results and what is kept for backward.
int64_t ForwardScratch(const ir::Call& call, const ir::Module& module, const Sizes& sizes,
                       bool training);

// Bytes at the highest point of the call's backward above what forward left, the gradients of the
// results, and those of the operands, which are there in the end. `first_gradient`: the first
// operand gets one.
int64_t BackwardScratch(const ir::Call& call, const ir::Module& module, const Sizes& sizes,
                        bool first_gradient);

}  // namespace graphkiln::estimate
