#include "services/coordinator/core/progress.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "services/coordinator/core/errors.h"

namespace graphkiln::coordinator {

void ApplyProgress(const v1::Event& event, v1::Job& job) {
  if (event.has_step()) {
    job.set_step(event.step().step());
    (*job.mutable_metrics())["loss"] = event.step().loss();
    return;
  }
  if (!event.has_epoch()) return;
  const v1::EpochEvent& epoch = event.epoch();
  job.set_epoch(epoch.epoch());
  if (epoch.step() > 0) job.set_step(epoch.step());
  // Where only the epochs are limited, the first finished one tells how many steps there will be.
  if (job.total_steps() == 0 && epoch.total_epochs() > 0 && epoch.epoch() > 0) {
    int64_t total = 0;
    if (!__builtin_mul_overflow(epoch.step() / epoch.epoch(), epoch.total_epochs(), &total)) {
      job.set_total_steps(total);
    }
  }
  auto& metrics = *job.mutable_metrics();
  metrics["train_loss"] = epoch.train_loss();
  if (epoch.has_val_loss()) metrics["val_loss"] = epoch.val_loss();
  for (const auto& [name, value] : epoch.metrics()) metrics[name] = value;
}

void SeriesCollector::AddPoint(const std::string& name, int64_t step, double value) {
  const auto [entry, is_new] = index_.try_emplace(name, series_.size());
  if (is_new) series_.push_back({name, {}, {}});
  SeriesPoints& series = series_[entry->second];
  series.steps.push_back(step);
  series.values.push_back(value);
  ++points_;
}

void SeriesCollector::Add(const v1::Event& event) {
  static const std::string kLoss = "loss";
  static const std::string kTrainLoss = "train_loss";
  static const std::string kValLoss = "val_loss";
  if (event.has_step()) {
    const v1::StepEvent& step = event.step();
    AddPoint(kLoss, step.step(), step.loss());
    for (const auto& [name, value] : step.values()) AddPoint(name, step.step(), value);
  } else if (event.has_epoch()) {
    const v1::EpochEvent& epoch = event.epoch();
    AddPoint(kTrainLoss, epoch.step(), epoch.train_loss());
    if (epoch.has_val_loss()) AddPoint(kValLoss, epoch.step(), epoch.val_loss());
    for (const auto& [name, value] : epoch.metrics()) AddPoint(name, epoch.step(), value);
  }
}

std::vector<SeriesPoints> SeriesCollector::Take() {
  points_ = 0;
  index_.clear();
  return std::exchange(series_, {});
}

int64_t RefuseNewSeries(v1::Event& event, const CoreOptions& options, StringSet& known) {
  google::protobuf::Map<std::string, double>* values = nullptr;
  if (event.has_step()) values = event.mutable_step()->mutable_values();
  if (event.has_epoch()) values = event.mutable_epoch()->mutable_metrics();
  if (values == nullptr) return 0;
  int64_t refused = 0;
  for (auto it = values->begin(); it != values->end();) {
    const std::string& name = it->first;
    const bool fits = static_cast<int64_t>(known.size()) < options.max_series_per_job &&
                      static_cast<int64_t>(name.size()) <= options.max_series_name_bytes;
    if (known.contains(name) || (fits && known.insert(name).second)) {
      ++it;
    } else {
      it = values->erase(it);
      ++refused;
    }
  }
  return refused;
}

absl::Status CheckEvent(const v1::Event& event, const CoreOptions& options) {
  int values = 0;
  if (event.has_step()) {
    values = event.step().values_size();
    if (event.step().step() < 0) return FieldError("events.step.step", "is negative");
  } else if (event.has_epoch()) {
    values = event.epoch().metrics_size();
    if (event.epoch().step() < 0 || event.epoch().epoch() < 0) {
      return FieldError("events.epoch", "has a negative step or epoch");
    }
  } else if (event.has_node()) {
    values = event.node().values_size();
  } else if (event.has_system()) {
    values = event.system().values_size();
  } else if (event.has_verdict()) {
    values = event.verdict().findings_size();
  } else if (event.payload_case() == v1::Event::PAYLOAD_NOT_SET) {
    return FieldError("events.payload", "is missing");
  }
  if (values > options.max_values_per_event) {
    return FieldError("events", fmt::format("an event has {} values; at most {} are taken", values,
                                            options.max_values_per_event));
  }
  return absl::OkStatus();
}

}  // namespace graphkiln::coordinator
