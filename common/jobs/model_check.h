// Whether a job's data fits the inputs and outputs of its model. Part of ResolveJob. Pure.
#pragma once

#include <vector>

#include "common/ir/module.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::jobs {

/// Appends what does not fit, and fills in what the model tells: `data.inputs` of a single input,
/// `data.synthetic.classes`. REQUIRES: the other defaults are filled in.
void CheckModel(const ir::Module& model, v1::JobSpec* job,
                std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::jobs
