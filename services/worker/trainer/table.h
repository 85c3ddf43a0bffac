// The rows of a job in memory: one contiguous tensor per model input and one for the target, rows
// in dimension 0.
//
// Made once per job, before training; a plain value. Building may take long for large files and
// checks everything that data can have wrong: columns, numbers, labels, sizes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/worker/trainer/plan.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

struct Table {
  std::vector<std::string> names;  // of the inputs
  std::vector<at::Tensor> inputs;
  at::Tensor target;
  std::vector<std::string> class_names;  // by class index, where labels were text
  int64_t rows = 0;

  /// The rows with these numbers, copied. May throw LibTorch's exceptions.
  Table Select(const at::Tensor& row_numbers) const;
  Table Select(absl::Span<const int64_t> row_numbers) const;
  /// Rows [begin, begin + count) without a copy.
  Table Slice(int64_t begin, int64_t count) const;
  /// Inputs, then the target: what the program takes.
  std::vector<at::Tensor> ProgramInputs() const;
  int64_t bytes() const;
};

/// Asked now and then while something takes long; true ends it with Cancelled.
using Interrupted = std::function<bool()>;

/// What the model wants of the data.
struct TableRequest {
  const api::DataSpec* spec = nullptr;
  std::vector<PlanInput> inputs;
  PlanInput target;
  uint64_t seed = 0;
  /// Class indices must be below this; 0 means unknown (real targets).
  int64_t classes = 0;
  /// For synthetic whole-number inputs (token ids), by input: indices stay below; 0 where unknown.
  std::vector<int64_t> index_limits;
  /// Asked all the time while the data are read or made; may be empty.
  Interrupted interrupted;
};

/// One batch of the program's inputs that have a symbolic first dimension takes any number of rows;
/// a fixed first dimension is this number. 0 means any. Inputs that disagree, and inputs without a
/// batch dimension, are refused.
absl::StatusOr<int64_t> FixedBatch(const TableRequest& request);

/// From a CSV file (table_csv.cc).
absl::StatusOr<Table> LoadCsvTable(const TableRequest& request, const std::string& path);
/// Made up from the seed (table_synthetic.cc).
absl::StatusOr<Table> MakeSyntheticTable(const TableRequest& request);
/// Whichever the spec names.
absl::StatusOr<Table> LoadTable(const TableRequest& request, const std::string& path);

/// Sizes of one row of an input. At most one size may be symbolic; it becomes what `columns` leaves
/// (0: none may).
absl::StatusOr<std::vector<int64_t>> RowShape(const PlanInput& input, int64_t columns);

}  // namespace graphkiln::trainer
