// The stable codes of diagnostics, each with its page for `kiln explain CODE`.
#pragma once

#include <string_view>

#include "absl/types/span.h"

namespace graphkiln::compiler {

struct CodePage {
  std::string_view code;
  std::string_view title;
  std::string_view text;  // why it happens and how to mend it
};

// Ordered by code.
absl::Span<const CodePage> CodePages();
// Null where unknown.
const CodePage* FindCode(std::string_view code);

}  // namespace graphkiln::compiler
