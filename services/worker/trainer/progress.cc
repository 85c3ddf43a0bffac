#include "services/worker/trainer/progress.h"

#include <cmath>

#include "services/worker/trainer/failure.h"

namespace graphkiln::trainer {

nlohmann::ordered_json Progress::ToJson() const {
  nlohmann::ordered_json latest = nlohmann::ordered_json::object();
  for (const auto& [name, value] : metrics) {
    if (std::isfinite(value)) latest[name] = value;  // JSON has no other numbers
  }
  return {{"step", step},
          {"epochs_done", epochs_done},
          {"position", position},
          {"loss_sum", loss_sum},
          {"loss_rows", loss_rows},
          {"train_seconds", train_seconds},
          {"best", best.has_value() ? nlohmann::ordered_json(*best) : nlohmann::ordered_json()},
          {"metrics", latest}};
}

absl::StatusOr<Progress> Progress::FromJson(const nlohmann::ordered_json& json) {
  const absl::Status invalid =
      MachineFault(reason::kCheckpointInvalid, "the progress in the checkpoint is malformed");
  if (!json.is_object()) return invalid;
  Progress progress;
  for (const auto& [key, field] :
       {std::pair{"step", &progress.step}, std::pair{"epochs_done", &progress.epochs_done},
        std::pair{"position", &progress.position}, std::pair{"loss_rows", &progress.loss_rows}}) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number_integer()) return invalid;
    *field = found->get<int64_t>();
    if (*field < 0) return invalid;
  }
  for (const auto& [key, field] : {std::pair{"loss_sum", &progress.loss_sum},
                                   std::pair{"train_seconds", &progress.train_seconds}}) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number()) return invalid;
    *field = found->get<double>();
  }
  const auto best = json.find("best");
  if (best != json.end() && best->is_number()) progress.best = best->get<double>();
  const auto latest = json.find("metrics");
  if (latest == json.end() || !latest->is_object()) return invalid;
  for (const auto& [name, value] : latest->items()) {
    if (!value.is_number()) return invalid;
    progress.metrics[name] = value.get<double>();
  }
  return progress;
}

}  // namespace graphkiln::trainer
