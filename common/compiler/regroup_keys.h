// What taking apart and putting together have in common. Used by unpack.cc and collapse.cc alone.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/free_names.h"
#include "common/base/strings.h"
#include "common/compiler/compile.h"
#include "common/compiler/regroup.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::compiler {

// Fails with the first error of the compilation.
absl::Status FirstError(const CompileResult& compiled, std::string_view what);

// The instances inside of the instance `parent` (-1: of the graph), by id. The result refers to
// `compiled`.
using InstancesById = StringMap<const Instance*>;
InstancesById InstancesOf(const CompileResult& compiled, int parent);

// Null where there is none.
const Instance* FindInstance(const InstancesById& instances, std::string_view id);

// Fills in the keys of the new graph. `moved` maps weights paths of before to those of after.
// Refuses where both graphs do not have the same weights, or these would not learn alike.
absl::Status FillKeys(const CompileResult& before, const StringMap<std::string>& moved,
                      const CompileResult& after, Regrouped* out);

}  // namespace graphkiln::compiler
