#include "services/worker/trainer/table.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "services/worker/trainer/failure.h"
#include "services/worker/trainer/torch_guard.h"

namespace graphkiln::trainer {

Table Table::Select(const at::Tensor& row_numbers) const {
  Table part;
  part.names = names;
  part.rows = row_numbers.numel();
  for (const at::Tensor& input : inputs) part.inputs.push_back(input.index_select(0, row_numbers));
  part.target = target.index_select(0, row_numbers);
  return part;
}

Table Table::Select(absl::Span<const int64_t> row_numbers) const {
  return Select(
      at::tensor(at::ArrayRef<int64_t>(row_numbers.data(), row_numbers.size()), at::kLong));
}

Table Table::Slice(int64_t begin, int64_t count) const {
  Table part;
  part.rows = count;
  for (const at::Tensor& input : inputs) part.inputs.push_back(input.narrow(0, begin, count));
  part.target = target.narrow(0, begin, count);
  return part;
}

std::vector<at::Tensor> Table::ProgramInputs() const {
  std::vector<at::Tensor> all = inputs;
  all.push_back(target);
  return all;
}

int64_t Table::bytes() const {
  int64_t total = static_cast<int64_t>(target.nbytes());
  for (const at::Tensor& input : inputs) total += static_cast<int64_t>(input.nbytes());
  return total;
}

absl::StatusOr<int64_t> FixedBatch(const TableRequest& request) {
  int64_t fixed = 0;
  std::vector<const PlanInput*> all = {&request.target};
  for (const PlanInput& input : request.inputs) all.push_back(&input);
  for (const PlanInput* input : all) {
    if (input->shape.empty()) {
      return UserFault(reason::kDataInvalid, fmt::format("input {} has no batch dimension",
                                                         QuoteForMessage(input->name)));
    }
    const ir::Dim& batch = input->shape[0];
    if (batch.IsSymbol()) continue;
    if (!batch.IsConst() || batch.value() < 1 || (fixed != 0 && fixed != batch.value())) {
      return UserFault(reason::kDataInvalid,
                       fmt::format("input {}: {} cannot be the batch dimension",
                                   QuoteForMessage(input->name), batch.ToString()));
    }
    fixed = batch.value();
  }
  return fixed;
}

absl::StatusOr<std::vector<int64_t>> RowShape(const PlanInput& input, int64_t columns) {
  std::vector<int64_t> shape;
  int64_t product = 1;
  int symbolic = -1;
  for (size_t d = 1; d < input.shape.size(); ++d) {
    if (!input.shape[d].IsConst()) {
      if (symbolic >= 0 || columns == 0) {
        return UserFault(reason::kDataInvalid,
                         fmt::format("input {}: the size {} cannot be told from the data",
                                     QuoteForMessage(input.name), input.shape[d].ToString()));
      }
      symbolic = static_cast<int>(d) - 1;
      shape.push_back(1);
      continue;
    }
    shape.push_back(input.shape[d].value());
    product = (ir::Dim(product) * input.shape[d]).value();  // saturates
  }
  if (symbolic >= 0) {
    if (product <= 0 || columns % product != 0) {
      return UserFault(reason::kDataInvalid,
                       fmt::format("input {}: {} columns are no multiple of {}",
                                   QuoteForMessage(input.name), columns, product));
    }
    shape[static_cast<size_t>(symbolic)] = columns / product;
  } else if (columns != 0 && product != columns) {
    return UserFault(reason::kDataInvalid,
                     fmt::format("input {} takes {} values per row, but {} columns are given",
                                 QuoteForMessage(input.name), product, columns));
  }
  return shape;
}

absl::StatusOr<Table> LoadTable(const TableRequest& request, const std::string& path) {
  const api::DataSpec& spec = *request.spec;
  absl::StatusOr<Table> table = UserFault(
      reason::kUnsupported, "the trainer reads CSV files and synthetic data, nothing else");
  const absl::Status status =
      CatchTorch([] { return std::string("reading the data"); },
                 [&] {
                   if (spec.has_synthetic()) {
                     table = MakeSyntheticTable(request);
                   } else if (spec.has_csv() || spec.source_case() == api::DataSpec::kDataset) {
                     table = LoadCsvTable(request, path);
                   }
                 });
  RETURN_IF_ERROR(status);
  return table;
}

}  // namespace graphkiln::trainer
