// What the plan does with a region of a canvas program. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "common/formats/canvas/program.h"

namespace graphkiln::formats::canvas {

enum class Mode { kRuntime, kFreeze, kConstant, kExport };

/// Nothing for a mode that has no pass, such as `distill`.
std::optional<Mode> ParseMode(std::string_view text);

/// The region's own mode unless that is `runtime`; else that of its learning recipe where it has
/// one; else its family's. REQUIRES: modes that are known where they count, as ReadProgram makes
/// sure.
Mode EffectiveMode(const RegionProgram& program);

}  // namespace graphkiln::formats::canvas
