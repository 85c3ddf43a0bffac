// The cost of every layer: the user's nodes and what their composites hold, as they nest.
//
// Used by summary.cc. Pure; linear in instances, calls and parameters.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/compiler/compile.h"
#include "common/estimate/sizes.h"
#include "graphkiln/v1/compile_service.pb.h"

namespace graphkiln::estimate {

// Appends the layers of the first `depth` levels to `out`; each counts all that it holds.
// Sizes that follow from `symbols` are numbers. `saved_by_source`: bytes kept for backward by the
// calls of each of the module's sources.
void AddLayers(const compiler::CompileResult& compiled, const Sizes& sizes,
               const std::map<std::string, int64_t>& symbols,
               const std::vector<int64_t>& saved_by_source, int depth, v1::SummarizeResponse* out);

}  // namespace graphkiln::estimate
