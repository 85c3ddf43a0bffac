// Sizes and costs of a program: parameters, floating-point operations, memory.
//
// Called by `kiln summary`, CompileService and the admission of jobs. Everything follows from the
// operator table. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/compiler/compile.h"
#include "common/ir/module.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::estimate {

// Values of the symbols in shapes; a symbol that is absent counts 1.
using Symbols = std::map<std::string, int64_t>;

// REQUIRES: compiled.ok. Optimizer memory is Adam's.
v1::SummarizeResponse Summarize(const compiler::CompileResult& compiled,
                                const Symbols& symbols = {});

// What a training job needs: `module` is the model, to which the job's loss is added where it fits.
// The first size of each input is the batch.
v1::Estimate EstimateJob(const ir::Module& module, const v1::JobSpec& job);

}  // namespace graphkiln::estimate
