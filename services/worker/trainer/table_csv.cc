// Columns of a CSV file as the program's inputs and target.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/tensors/csv_table.h"
#include "services/worker/trainer/failure.h"
#include "services/worker/trainer/table.h"

namespace graphkiln::trainer {
namespace {

constexpr char kDefaultPattern[] = "*";

// The user knows the file by the name in the job, not by the place where the worker keeps it.
std::string ShownName(const api::DataSpec& spec) {
  if (spec.has_csv() && !spec.csv().path().empty()) return spec.csv().path();
  if (!spec.dataset().empty()) return "dataset " + spec.dataset();
  return "data";
}

absl::Status Renamed(const absl::Status& status, const std::string& path,
                     const std::string& shown) {
  std::string message(MessageOf(status));
  if (message.rfind(path, 0) == 0) message = shown + message.substr(path.size());
  return UserFault(reason::kDataInvalid, message);
}

at::Tensor ToTensor(const tensors::CsvMatrix& matrix, int64_t rows, at::ScalarType dtype,
                    const std::vector<int64_t>& row_shape) {
  const auto columns = static_cast<int64_t>(matrix.columns.size());
  at::Tensor tensor;
  if (matrix.dtype == tensors::DType::kI64) {
    tensor = at::empty({rows, columns}, at::kLong);
    std::memcpy(tensor.mutable_data_ptr(), matrix.ints.data(), tensor.nbytes());
  } else {
    tensor = at::empty({rows, columns}, at::kFloat);
    std::memcpy(tensor.mutable_data_ptr(), matrix.floats.data(), tensor.nbytes());
  }
  std::vector<int64_t> shape = {rows};
  shape.insert(shape.end(), row_shape.begin(), row_shape.end());
  return tensor.to(dtype).reshape(shape);
}

tensors::CsvRequest MakeCsvRequest(const TableRequest& request) {
  tensors::CsvRequest csv;
  const api::DataSpec& spec = *request.spec;
  for (const PlanInput& input : request.inputs) {
    tensors::CsvGroup group;
    const auto columns = spec.inputs().find(input.name);
    if (columns != spec.inputs().end()) {
      group.columns.assign(columns->second.columns().begin(), columns->second.columns().end());
    }
    if (group.columns.empty()) group.columns = {kDefaultPattern};
    group.dtype = c10::isIntegralType(input.dtype, /*includeBool=*/true) ? tensors::DType::kI64
                                                                         : tensors::DType::kF32;
    csv.groups.push_back(std::move(group));
  }
  csv.no_glob = {spec.target()};
  if (c10::isIntegralType(request.target.dtype, /*includeBool=*/false)) {
    csv.classes = {spec.target()};
  } else {
    csv.groups.push_back({{spec.target()}, tensors::DType::kF32});
  }
  return csv;
}

}  // namespace

absl::StatusOr<Table> LoadCsvTable(const TableRequest& request, const std::string& path) {
  const api::DataSpec& spec = *request.spec;
  const std::string shown = ShownName(spec);
  if (spec.target().empty()) return UserFault(reason::kDataInvalid, "data.target is missing");
  for (const PlanInput& input : request.inputs) {
    if (request.inputs.size() > 1 && !spec.inputs().contains(input.name)) {
      return UserFault(reason::kDataInvalid, fmt::format("data.inputs names no columns for {}",
                                                         QuoteForMessage(input.name)));
    }
  }
  tensors::CsvOptions options;
  options.interrupted = request.interrupted;
  absl::StatusOr<tensors::CsvTable> csv = tensors::ReadCsv(path, MakeCsvRequest(request), options);
  if (absl::IsCancelled(csv.status())) return absl::CancelledError("CANCELLED: cancelled");
  if (!csv.ok()) return Renamed(csv.status(), path, shown);

  Table table;
  table.rows = csv->rows;
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    const tensors::CsvMatrix& matrix = csv->groups[i];
    ASSIGN_OR_RETURN(const std::vector<int64_t> row_shape,
                     RowShape(request.inputs[i], static_cast<int64_t>(matrix.columns.size())));
    table.names.push_back(request.inputs[i].name);
    table.inputs.push_back(ToTensor(matrix, table.rows, request.inputs[i].dtype, row_shape));
  }
  ASSIGN_OR_RETURN(const std::vector<int64_t> target_shape, RowShape(request.target, 1));
  if (csv->classes.empty()) {
    table.target = ToTensor(csv->groups.back(), table.rows, request.target.dtype, target_shape);
    return table;
  }
  tensors::CsvClasses& classes = csv->classes[0];
  if (request.classes > 0 && classes.largest >= request.classes) {
    return UserFault(
        reason::kDataInvalid,
        fmt::format("{}:{}:{}: label {} in column {} is out of range: the model has {} classes, so "
                    "labels are 0 to {}{}",
                    shown, classes.largest_position.line, classes.largest_position.column,
                    classes.largest, QuoteForMessage(classes.column), request.classes,
                    request.classes - 1, tensors::FirstClassHint(classes)));
  }
  tensors::CsvMatrix labels;
  labels.columns = {classes.column};
  labels.dtype = tensors::DType::kI64;
  labels.ints = std::move(classes.values);
  table.target = ToTensor(labels, table.rows, request.target.dtype, target_shape);
  table.class_names = std::move(classes.names);
  return table;
}

}  // namespace graphkiln::trainer
