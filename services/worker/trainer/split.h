// How rows are divided into training, validation and test parts, and the order of rows in an epoch.
// All of it is a function of the seeds alone, equal on every machine. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

/// Row numbers of each part, ascending.
struct SplitRows {
  std::vector<int64_t> train;
  std::vector<int64_t> validation;
  std::vector<int64_t> test;
};

/// Draws from Philox(seed, "split"). Each held-out part has round(fraction * rows) rows, which must
/// not be none for a positive fraction; with
/// `stratify`, the parts are taken class by class, fractions of a row going where the remainder is
/// largest. `classes` holds the class of each row, empty unless the spec stratifies. Leaves at
/// least one training row or fails.
absl::StatusOr<SplitRows> SplitTable(const api::SplitSpec& spec, uint64_t job_seed, int64_t rows,
                                     absl::Span<const int64_t> classes);

/// A permutation of 0..rows-1 for the training epoch `epoch` (from 1), from Philox(seed,
/// "shuffle/<epoch>").
std::vector<int64_t> EpochOrder(uint64_t seed, int64_t epoch, int64_t rows);

}  // namespace graphkiln::trainer
