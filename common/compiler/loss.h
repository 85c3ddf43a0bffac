// Appends a job's loss to a program.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "common/ir/module.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::compiler {

// The loss is applied to the first output; the program's last input becomes `target`, typed by what
// the loss takes for that output (class indices, or the prediction's own type), the last output
// `loss`, a scalar. Losses of two predictions (MarginRankingLoss) take the second output, too;
// their class weights become buffers outside of the state_dict. Faults are located at the job's
// keys (`loss.type`, `loss.params...`).
absl::StatusOr<ir::Module> AppendLoss(const ir::Module& module, const v1::Component& loss,
                                      std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::compiler
