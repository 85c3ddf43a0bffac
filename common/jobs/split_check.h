// Does data.split leave rows in each part that the job asks for? Asked where the number of rows is
// known: for made-up data when the job is resolved, for a CSV file when the command line reads it.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "graphkiln/v1/diagnostic.pb.h"
#include "graphkiln/v1/job.pb.h"

namespace graphkiln::jobs {

/// A diagnostic for each positive fraction of `rows` that rounds to no row.
void CheckSplit(const v1::SplitSpec& split, int64_t rows, std::vector<v1::Diagnostic>* diagnostics);

}  // namespace graphkiln::jobs
