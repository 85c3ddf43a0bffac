// Turns a job as asked for into a job that can run: defaults filled in, every value checked, and
// the job checked against its model.
//
// Called by the coordinator on SubmitJob and by `kiln submit` before anything is sent. A pure
// function; any thread.
#pragma once

#include <vector>

#include "common/ir/module.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::jobs {

/// Fills in all defaults of `job` (also the parameters of optimizer, scheduler and loss) and
/// appends every fault to `diagnostics`; `path` of a diagnostic is the key path of the job file,
/// such as `data.inputs.x`. A path that already has an error in `diagnostics` is not reported as
/// missing. `model` is the compiled graph without the loss; null leaves out what needs it. A job
/// with one graph input and no `data.inputs` gets `{input: ["*"]}`; a glob never matches the target
/// column. Idempotent. Returns true where it added no error.
bool ResolveJob(v1::JobSpec* job, const ir::Module* model,
                std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::jobs
