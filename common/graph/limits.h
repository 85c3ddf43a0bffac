// How large a graph may be: what every reader of a format and the compiler keep to.
#pragma once

#include <cstddef>

namespace graphkiln::graph {

inline constexpr size_t kMostNodes = 200'000;

}  // namespace graphkiln::graph
