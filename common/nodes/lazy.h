// torch.nn's lazy modules. Every type here infers its sizes, so that a lazy type is the type itself
// under another name: the generated Python has the concrete module.
#pragma once

#include <string_view>

#include "absl/types/span.h"

namespace graphkiln::nodes {

struct LazyType {
  std::string_view name;  // `LazyLinear`
  std::string_view type;  // `Linear`
};

// In no order; each `type` is in the registry.
absl::Span<const LazyType> LazyTypes();

}  // namespace graphkiln::nodes
