// torch.nn's reset_parameters in closed form.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "common/ir/module.h"

namespace graphkiln::nodes {

// kaiming_uniform_(a=sqrt(5)): bound = gain * sqrt(3 / fan_in) with gain = sqrt(2 / (1 + 5)), which
// is 1 / sqrt(fan_in).
inline ir::Initializer KaimingUniform(int64_t fan_in) {
  return ir::Initializer::Uniform(fan_in > 0 ? 1.0 / std::sqrt(static_cast<double>(fan_in)) : 0.0);
}
// Biases of Linear and convolutions, all weights of recurrent networks: uniform within 1 /
// sqrt(width).
inline ir::Initializer UniformByWidth(int64_t width) { return KaimingUniform(width); }

}  // namespace graphkiln::nodes
