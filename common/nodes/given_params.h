// Parameters as they were written, ready to be checked: views into the messages that hold them.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "common/nodes/param_spec.h"
#include "graphkiln/v1/value.pb.h"

namespace graphkiln::nodes {

struct GivenParam {
  std::string_view name;
  const v1::Value* value;
};
// In order of their names.
using GivenParams = std::vector<GivenParam>;

// Of a map from names to values, in whatever order.
template <class Map>
GivenParams ViewOf(const Map& given) {
  GivenParams all;
  all.reserve(given.size());
  for (const auto& [name, value] : given) all.push_back({name, &value});
  std::sort(all.begin(), all.end(),
            [](const GivenParam& a, const GivenParam& b) { return a.name < b.name; });
  return all;
}

// Checks `given` against `specs`; every fault is reported. Parameters that are inferred and absent
// stay absent. Expressions must have been evaluated before. Returns true without faults.
bool ResolveParams(const std::vector<ParamSpec>& specs, absl::Span<const GivenParam> given,
                   Params* params, absl::FunctionRef<void(ParamIssue)> report);

}  // namespace graphkiln::nodes
