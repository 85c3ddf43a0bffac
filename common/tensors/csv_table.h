// Chosen columns of a CSV file as numbers and class indices, in one pass.
//
// The trainer's way to data; also used for checking a job before it is submitted. Any thread.
//
//   CsvRequest request;
//   request.groups = {{.columns = {"sepal*", "petal*"}}};
//   request.classes = {"label"};
//   ASSIGN_OR_RETURN(CsvTable table, ReadCsv("iris.csv", request, CsvOptions()));
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/tensors/csv_reader.h"
#include "common/tensors/dtype.h"

namespace graphkiln::tensors {

struct CsvGroup {
  std::vector<std::string> columns;  // names, or globs with * and ?
  DType dtype = DType::kF32;         // kF32 or kI64
};

struct CsvRequest {
  std::vector<CsvGroup> groups;      // each becomes one matrix
  std::vector<std::string> classes;  // names of columns that hold class labels
  std::vector<std::string> no_glob;  // names that no glob selects, such as the target
  bool allow_non_finite = false;     // NaN and infinities in kF32 groups
};

/// Row-major [rows, columns.size()].
struct CsvMatrix {
  std::vector<std::string> columns;
  DType dtype = DType::kF32;
  std::vector<float> floats;  // of kF32
  std::vector<int64_t> ints;  // of kI64
};

/// Class indices. Where all labels are whole numbers they are the indices themselves (and negative
/// ones are refused); otherwise the index is the place of the text among the sorted distinct texts.
struct CsvClasses {
  std::string column;
  std::vector<int64_t> values;
  std::vector<std::string> names;  // empty for whole numbers
  int64_t largest = -1;
  CsvReader::Position largest_position;  // where the largest stands first, for "label out of range"
  int64_t smallest = 0;
};

struct CsvTable {
  int64_t rows = 0;
  std::vector<CsvMatrix> groups;
  std::vector<CsvClasses> classes;
};

/// Indices of the columns that `patterns` select, in the order of the patterns, each once. A
/// pattern that is a column's exact name selects that one; otherwise `*` and `?` are wild cards,
/// which skip nameless columns and those in `no_glob`. Selecting nothing is InvalidArgument
/// (without a file name).
absl::StatusOr<std::vector<size_t>> SelectColumns(const std::vector<std::string>& header,
                                                  absl::Span<const std::string> patterns,
                                                  absl::Span<const std::string> no_glob);

/// What to add to "there is no such column" where the header is one column with another separator
/// in it; empty otherwise.
std::string SeparatorHint(const std::vector<std::string>& header);

/// What to add to "label out of range" where whole numbers count from 1; empty otherwise.
std::string FirstClassHint(const CsvClasses& classes);

/// Reads the file. Errors are InvalidArgument "file:line:column: ...": an unknown column, a cell
/// that is empty or no number, NaN or infinity, a label that is negative, no rows at all. Of cells
/// the first is described, the places of the next follow, then the count of all.
absl::StatusOr<CsvTable> ReadCsv(const std::string& path, const CsvRequest& request,
                                 const CsvOptions& options);
/// The same from a reader at its first row.
absl::StatusOr<CsvTable> ReadCsv(CsvReader reader, const std::string& file,
                                 const CsvRequest& request, const CsvOptions& options);

}  // namespace graphkiln::tensors
