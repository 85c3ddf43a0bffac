// What `kiln plan --export-dir` writes. Main thread; the folded values are computed in a trainer
// process, as `kiln run` does.
//
// Of a graph:
//   constants.safetensors   weights of constant regions and the values computed once, by full key
//   NAME.safetensors        weights of the exported region NAME, by full key
//   NAME.kiln.yaml          a graph of it alone
//   NAME.json               {"region", "family", "path"}
//   planned.ir.json         the program that is left; `kiln run` takes it
//   planned.safetensors     all that it needs
// Of a canvas program: the same of constant and exported regions where weights are given, and
//   reduced.json            the program that is left
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/compiler/plan.h"
#include "common/formats/canvas/plan.h"
#include "graphkiln/v1/diagnostic.pb.h"

namespace graphkiln::cli {

struct PlanTarget {
  std::string dir;
  std::string weights;  // a safetensors file; empty: initial values by `seed`, or none for canvases
  uint64_t seed = 0;
  absl::Duration timeout = absl::InfiniteDuration();
};

struct Exported {
  std::vector<std::string> files;
  std::vector<v1::Diagnostic> diagnostics;  // regions for which the weights hold nothing
};

absl::StatusOr<Exported> ExportPlan(const v1::Graph& graph, const compiler::CompileResult& compiled,
                                    const compiler::Plan& plan, const PlanTarget& target);

absl::StatusOr<Exported> ExportPlan(const formats::canvas::Program& program,
                                    const formats::canvas::Plan& plan, const PlanTarget& target);

/// File names without ending for free texts: letters, digits, `_`, `-` and `.` stay, none begins
/// with a dot, and no two are equal, also where case does not count. `taken` are those in use.
std::vector<std::string> FileStems(const std::vector<std::string>& names,
                                   const std::vector<std::string>& taken);

}  // namespace graphkiln::cli
