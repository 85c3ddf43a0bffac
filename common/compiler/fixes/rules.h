// The one table from codes of findings to the generators of fixes. Read by the search for fixes
// (offer.cc) and by the test that looks for codes without one.
#pragma once

#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "common/compiler/fixes/generators.h"

namespace graphkiln::compiler {

struct FixRule {
  std::string_view code;
  std::vector<Generator> generators;  // in the order in which they are asked
};

const std::vector<FixRule>& FixRules();
// Empty where no fix is known for the code.
absl::Span<const Generator> GeneratorsFor(std::string_view code);

}  // namespace graphkiln::compiler
