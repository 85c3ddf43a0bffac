// Text that stands for a graph outside of GraphKiln: the table of `kiln codegen --target`.
//
// Called by the command line and by CompileService. Pure; any thread. Output is deterministic to
// the byte.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/compiler/compile.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "graphkiln/v1/graph.pb.h"

namespace graphkiln::emit {

// One target as users see it.
struct TargetInfo {
  std::string_view name;
  std::string_view doc;
};

// All targets, ordered by name.
std::vector<TargetInfo> Targets();

// `compiled` is the graph's own result and must be ok (kFailedPrecondition otherwise). A target
// that does not exist is kUnimplemented; the message names those that do.
absl::StatusOr<std::vector<v1::GeneratedFile>> Generate(const v1::Graph& graph,
                                                        const compiler::CompileResult& compiled,
                                                        std::string_view target);

}  // namespace graphkiln::emit
