// Reads canvas programs: JSON 0.2.0 and the older forms. Called by the command line. Pure; any
// thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/base/text_reader.h"
#include "common/formats/canvas/program.h"
#include "graphkiln/v1/diagnostic.pb.h"

namespace graphkiln::formats::canvas {

/// All findings go to `diagnostics`, located; nothing is returned where one of them is an error.
std::optional<Program> ReadProgram(const TextNode& root, std::string_view file,
                                   std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::formats::canvas
