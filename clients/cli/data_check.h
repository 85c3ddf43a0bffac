// Looks at a CSV file before a job is sent, so that a wrong column or label is told at once, with
// line and column, instead of by a failed job.
#pragma once

#include <string>
#include <vector>

#include "common/ir/module.h"
#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::cli {

/// Appends what is wrong. Files beyond 64 MiB are checked by their header alone. REQUIRES: a
/// resolved job that fits the model.
void CheckCsv(const std::string& path, const ir::Module& model, const v1::JobSpec& job,
              std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::cli
