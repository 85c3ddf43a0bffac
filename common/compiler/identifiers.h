// Node ids are free text; module attributes and state_dict keys are identifiers. The one place that
// turns the first into the second. Deterministic; pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace graphkiln::compiler {

// A legal Python identifier that is neither a keyword nor an attribute of nn.Module: other
// characters become `_`, a leading digit gets `n` in front, reserved words get `_` behind.
std::string ToIdentifier(std::string_view text);

// One identifier per id, all different: later ones of equal names get `_2`, `_3`, ... An id that is
// an identifier already keeps its name whatever the others are.
std::vector<std::string> MangleIds(absl::Span<const std::string> ids);

// The same inside of a composite, where copies of a repeated node (`layers.0`) and children of a
// container (`0`, only where `container`) are items of a list in Python, so the number stays.
std::vector<std::string> MangleInnerIds(absl::Span<const std::string> ids, bool container);

}  // namespace graphkiln::compiler
