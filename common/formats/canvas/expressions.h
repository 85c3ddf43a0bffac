// The two little languages inside a canvas program: when a clock fires, and when a connection is
// active. Checked, never run here. Pure; any thread.
#pragma once

#include <string_view>

#include "common/base/text_reader.h"
#include "common/formats/canvas/object_reader.h"

namespace graphkiln::formats::canvas {

/// Reports every node of a clock expression that has no meaning: `{"type": "and", "left": ...,
/// ...}`.
void CheckClock(const TextNode& expression, const Place& place);

/// `<region>.<kind> <op> <number>`, several joined by `&&`; blank is always active.
bool IsTrigger(std::string_view text);

}  // namespace graphkiln::formats::canvas
