// Where a training run stands: all of its state that is no tensor. Saved in checkpoints. A plain
// value.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace graphkiln::trainer {

struct Progress {
  int64_t step = 0;         // optimizer steps completed
  int64_t epochs_done = 0;  // training epochs completed
  int64_t position = 0;     // training rows of the current epoch already used
  double loss_sum = 0;      // over those rows
  int64_t loss_rows = 0;
  double train_seconds = 0;               // counts against the time limit
  std::optional<double> best;             // best value of the policy's metric so far
  std::map<std::string, double> metrics;  // latest values

  /// The epoch in hand, from 1.
  int64_t epoch() const { return epochs_done + 1; }

  nlohmann::ordered_json ToJson() const;
  /// CHECKPOINT_INVALID where a field is missing or of another kind.
  static absl::StatusOr<Progress> FromJson(const nlohmann::ordered_json& json);

  friend bool operator==(const Progress&, const Progress&) = default;
};

}  // namespace graphkiln::trainer
