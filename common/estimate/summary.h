// Sizes and costs of a program: parameters, floating-point operations, memory.
//
// Called by `kiln summary`, CompileService and the admission of jobs. Everything follows from the
// operator table. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/compiler/compile.h"
#include "common/ir/module.h"
#include "graphkiln/v1/compile_service.pb.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::estimate {

// Values of the symbols in shapes; a symbol that is absent counts 1.
using Symbols = std::map<std::string, int64_t>;

struct SummaryOptions {
  Symbols symbols = {};
  // How many tensors of a parameter's size the optimizer keeps for it (jobs::OptimizerMoments);
  // Adam's where nobody says otherwise.
  int64_t moments = 2;
  v1::Numbers numbers = {};
  // Levels of layers; 0 leaves them out.
  int depth = 0;
  // Optimizers to compare, by name, with the moments of each.
  std::vector<std::pair<std::string, int64_t>> optimizers = {};
};

// REQUIRES: compiled.ok. Fails where the program does not run in the element types asked for;
// comparisons leave such out.
absl::StatusOr<v1::SummarizeResponse> Summarize(const compiler::CompileResult& compiled,
                                                const SummaryOptions& options = {});

// What a training job needs: `module` is the model, to which the job's loss is added where it fits.
// The first size of each input is the batch. `moments` are those of the job's optimizer.
v1::Estimate EstimateJob(const ir::Module& module, const v1::JobSpec& job, int64_t moments);

}  // namespace graphkiln::estimate
