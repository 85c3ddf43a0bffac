// The stable codes of diagnostics, each with its page for `kiln explain CODE`. A code is added in a
// file of pages/, with an example that a test compiles.
#pragma once

#include <string_view>

#include "absl/types/span.h"

namespace graphkiln::compiler {

struct CodePage {
  std::string_view code;
  std::string_view title;
  std::string_view text;        // why it happens and how to mend it
  std::string_view wrong = {};  // a graph with the fault; empty where no single graph file has it
  std::string_view right = {};  // the same without it
  std::string_view fixes = {};  // what machines can mend, in words; empty: nothing
  // Of what is legal: what it costs to leave it so, and when it is meant so all the same.
  std::string_view costs = {};
  std::string_view false_alarm = {};
};

// Ordered by code.
absl::Span<const CodePage> CodePages();
// Null where unknown.
const CodePage* FindCode(std::string_view code);

}  // namespace graphkiln::compiler
