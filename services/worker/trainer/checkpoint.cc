#include "services/worker/trainer/checkpoint.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "services/worker/trainer/failure.h"
#include "services/worker/trainer/tensor_file.h"
#include "services/worker/trainer/torch_guard.h"

namespace graphkiln::trainer {
namespace {

constexpr char kGeneratorName[] = "random.cpu";

at::Tensor GeneratorState() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return generator.get_state();
}

void SetGeneratorState(const at::Tensor& state) {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
}

// Whatever is wrong with a container, the user did not write it.
absl::Status Invalid(std::string_view text) {
  return MachineFault(reason::kCheckpointInvalid, text);
}

absl::Status AsInvalid(const absl::Status& status) {
  return status.ok() ? status : Invalid(MessageOf(status));
}

// Null where the object has no such member.
nlohmann::ordered_json Member(const nlohmann::ordered_json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nlohmann::ordered_json() : *found;
}

std::vector<NamedTensor> Gather(const CheckpointParts& parts) {
  std::vector<NamedTensor> all;
  for (NamedTensor& item : parts.parameters->All()) {
    all.push_back({kCheckpointModel + item.name, std::move(item.tensor)});
  }
  for (NamedTensor& item : parts.optimizer->State()) {
    all.push_back({"optim." + item.name, std::move(item.tensor)});
  }
  all.push_back({kGeneratorName, GeneratorState()});
  return all;
}

}  // namespace

absl::StatusOr<v1::CheckpointWritten> WriteCheckpoint(const std::string& path,
                                                      const CheckpointParts& parts,
                                                      const Progress& progress,
                                                      const Normalizer& normalizer) {
  const nlohmann::ordered_json json = {{"version", kCheckpointVersion},
                                       {"progress", progress.ToJson()},
                                       {"seed", parts.job->seed()},
                                       {"optimizer", parts.job->optimizer().type()},
                                       {"scheduler", parts.job->scheduler().type()},
                                       {"parameters", parts.parameters->tensors().size()},
                                       {"normalization", normalizer.ToJson()},
                                       {"torch_version", TORCH_VERSION}};
  absl::Status written;
  RETURN_IF_ERROR(CatchTorch([] { return std::string("writing a checkpoint"); },
                             [&] {
                               written = WriteTensorFile(path, Gather(parts),
                                                         {{kCheckpointMetadata, json.dump()}});
                             }));
  RETURN_IF_ERROR(FileFault(written));

  const absl::StatusOr<MappedFile> file = MappedFile::Open(path);
  if (!file.ok()) return FileFault(file.status());
  v1::CheckpointWritten description;
  description.set_path(path);
  description.set_step(progress.step);
  description.set_epoch(progress.epochs_done);
  description.set_sha256(Sha256Hex(file->bytes()));
  description.set_bytes(static_cast<int64_t>(file->bytes().size()));
  return description;
}

absl::StatusOr<RestoredCheckpoint> RestoreCheckpoint(const std::string& path,
                                                     const CheckpointParts& parts) {
  const absl::StatusOr<tensors::SafetensorsFile> file = tensors::SafetensorsFile::Open(path);
  if (!file.ok()) return Invalid(MessageOf(file.status()));
  const auto metadata = file->metadata().find(kCheckpointMetadata);
  if (metadata == file->metadata().end()) return Invalid("the file is no checkpoint");
  const auto json = nlohmann::ordered_json::parse(metadata->second, nullptr, false);
  if (!json.is_object() || !json.contains("version") || !json["version"].is_number_integer()) {
    return Invalid("its metadata are malformed");
  }
  const auto version = json["version"].get<int64_t>();
  if (version < 1 || version > kCheckpointVersion) {
    return Invalid(
        fmt::format("its version is {}; this trainer reads up to {}", version, kCheckpointVersion));
  }
  const auto seed = json.find("seed");
  const auto optimizer = json.find("optimizer");
  if (seed == json.end() || *seed != parts.job->seed() || optimizer == json.end() ||
      *optimizer != parts.job->optimizer().type()) {
    return Invalid("it belongs to another job: seed or optimizer differ");
  }
  RestoredCheckpoint restored;
  ASSIGN_OR_RETURN(restored.progress, Progress::FromJson(Member(json, "progress")));
  ASSIGN_OR_RETURN(restored.normalizer, Normalizer::FromJson(Member(json, "normalization")));
  RETURN_IF_ERROR(AsInvalid(FillStrictly(*file, kCheckpointModel, parts.parameters->All())));
  RETURN_IF_ERROR(AsInvalid(FillStrictly(*file, "optim.", parts.optimizer->State())));
  const tensors::TensorView* generator = file->Find(kGeneratorName);
  if (generator == nullptr) return Invalid("it has no state of the random generator");
  const absl::StatusOr<at::Tensor> state = CopyTensor(*generator);
  if (!state.ok()) return Invalid(MessageOf(state.status()));
  const absl::Status set = CatchTorch([] { return std::string("the random generator's state"); },
                                      [&] { SetGeneratorState(*state); });
  if (!set.ok()) return AsInvalid(set);
  return restored;
}

}  // namespace graphkiln::trainer
