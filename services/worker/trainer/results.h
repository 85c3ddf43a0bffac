// What a finished run leaves: weights.safetensors and report.json, and the Finished message. Used
// by the training loop.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "services/worker/trainer/progress.h"
#include "services/worker/trainer/protos.h"
#include "services/worker/trainer/setup.h"

namespace graphkiln::trainer {

/// Writes both files to the work folder and enters them in `finished`: the weights as they are, so
/// those of the last step, also where the best checkpoint was another. `finished` already holds
/// metrics and measurements.
absl::Status WriteResults(const Setup& setup, const Progress& progress, v1::Finished* finished);

/// Highest resident memory of this process in bytes.
int64_t PeakResidentBytes();

}  // namespace graphkiln::trainer
