// Scaling of input columns, fitted on the training part and then applied to every part. Its numbers
// are stored with checkpoints and in the report, so that evaluation elsewhere scales alike. A plain
// value.
#pragma once

#include <ATen/core/Tensor.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

/// x becomes (x - offset) / scale, element by element of one row.
struct ColumnScaling {
  std::string input;
  std::vector<double> offset;
  std::vector<double> scale;
};

class Normalizer {
 public:
  /// `names` and `inputs` side by side; rows in dimension 0. Inputs that are not floating stay as
  /// they are. Standard: mean and population deviation; minmax: minimum and range; a deviation or
  /// range below 1e-6 counts as 1. May throw LibTorch's exceptions.
  static Normalizer Fit(api::Normalization kind, const std::vector<std::string>& names,
                        const std::vector<at::Tensor>& inputs);

  /// Scales in place the tensors of the inputs that were fitted. May throw LibTorch's exceptions.
  void Apply(const std::vector<std::string>& names, std::vector<at::Tensor>& inputs) const;

  /// `[{"input", "kind", "offset": [...], "scale": [...]}]`.
  nlohmann::ordered_json ToJson() const;
  static absl::StatusOr<Normalizer> FromJson(const nlohmann::ordered_json& json);

  const std::vector<ColumnScaling>& columns() const { return columns_; }

 private:
  std::string kind_ = "none";
  std::vector<ColumnScaling> columns_;
};

}  // namespace graphkiln::trainer
