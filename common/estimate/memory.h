// Memory of a forward and of a training step, by the life of every storage.
//
// A view shares its operand's storage. In a forward without gradients a storage is freed after its
// last reader; in training, what backward needs (OpDef::saved) stays until backward has passed the
// reader, and gradients live from the last reader back to the producer (gradients.h). Used inside
// of `estimate`. Pure; linear in calls and arguments.
#pragma once

#include <cstdint>
#include <vector>

#include "common/estimate/sizes.h"
#include "common/ir/module.h"

namespace graphkiln::estimate {

struct Memory {
  int64_t parameters = 0;  // with buffers
  int64_t gradients = 0;   // of trainable parameters
  int64_t inputs = 0;
  int64_t activations = 0;  // kept for backward
  int64_t inference = 0;    // peak over the forward, without parameters
  // Peak over forward and backward with the gradients of parameters, which backward makes anew in
  // each step; without parameters and the optimizer.
  int64_t training = 0;
  std::vector<int64_t> saved_by_call;  // bytes that the call is the first to keep
};

Memory MeasureMemory(const ir::Module& module, const Sizes& sizes);

}  // namespace graphkiln::estimate
