// Writes canvas programs as JSON 0.2.0 in canonical form: what equals its default is left out, and
// region programs that are all default. Reading gives the same program. Pure; any thread.
#pragma once

#include "common/formats/canvas/program.h"
#include "nlohmann/json_fwd.hpp"

namespace graphkiln::formats::canvas {

nlohmann::ordered_json ProgramJson(const Program& program);

}  // namespace graphkiln::formats::canvas
