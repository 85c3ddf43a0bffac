#include "services/worker/trainer/results.h"

#include <sys/resource.h>
#include <torch/headeronly/version.h>

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "common/base/file.h"
#include "common/base/status.h"
#include "services/worker/trainer/failure.h"

namespace graphkiln::trainer {
namespace {

constexpr char kWeights[] = "weights.safetensors";
constexpr char kReport[] = "report.json";

std::string MakeReport(const Setup& setup, const Progress& progress, const v1::Finished& finished) {
  const api::JobSpec& job = setup.job();
  nlohmann::ordered_json metrics = nlohmann::ordered_json::object();
  for (const auto& [name, value] :
       std::map<std::string, double>(finished.metrics().begin(), finished.metrics().end())) {
    metrics[name] = value;
  }
  const uint64_t split_seed =
      job.data().split().has_seed() ? job.data().split().seed() : job.seed();
  nlohmann::ordered_json report = {{"report", 1},
                                   {"model", setup.start().ir().name()},
                                   {"metrics", metrics},
                                   {"steps", progress.step},
                                   {"epochs", progress.epochs_done},
                                   {"stopped_early", finished.stopped_early()},
                                   {"parameters", setup.parameters().trainable_elements()},
                                   {"data",
                                    {{"train_rows", setup.train_rows()},
                                     {"validation_rows", setup.validation().rows},
                                     {"test_rows", setup.test().rows}}},
                                   {"classes", setup.class_names()},
                                   {"normalization", setup.normalizer().ToJson()},
                                   {"seeds", {{"job", job.seed()}, {"split", split_seed}}},
                                   {"timing",
                                    {{"train_seconds", progress.train_seconds},
                                     {"steps_per_second", finished.measured().steps_per_second()}}},
                                   {"peak_bytes", finished.measured().peak_bytes()},
                                   {"versions", {{"torch", TORCH_VERSION}}}};
  return report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

absl::Status WriteResults(const Setup& setup, const Progress& progress, v1::Finished* finished) {
  const std::string& folder = setup.start().work_dir();
  const std::string weights = JoinPath(folder, kWeights);
  std::map<std::string, std::string> metadata = {
      {"format", "pt"},
      {"graphkiln.model", setup.start().ir().name()},
      {"graphkiln.step", std::to_string(progress.step)},
      {"graphkiln.epoch", std::to_string(progress.epochs_done)}};
  if (setup.job().graph().source_case() == api::GraphSource::kHash) {
    metadata["graphkiln.graph_hash"] = setup.job().graph().hash();
  }
  RETURN_IF_ERROR(setup.parameters().Save(weights, metadata));
  (*finished->mutable_files())[kWeights] = weights;
  const std::string report = JoinPath(folder, kReport);
  RETURN_IF_ERROR(FileFault(WriteFileAtomic(report, MakeReport(setup, progress, *finished))));
  (*finished->mutable_files())[kReport] = report;
  return absl::OkStatus();
}

int64_t PeakResidentBytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace graphkiln::trainer
