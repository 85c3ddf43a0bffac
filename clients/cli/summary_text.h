// What `kiln summary` shows to people: the layers as they nest, then totals, then memory by
// optimizer and precision. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "graphkiln/v1/compile_service.pb.h"

namespace graphkiln::cli {

/// Lines of at most `width` columns where one is given.
std::string SummaryText(const v1::SummarizeResponse& summary, std::optional<size_t> width);

}  // namespace graphkiln::cli
