// The checkpoint container: everything that a run needs to go on elsewhere as if it had never
// stopped.
//
// One safetensors file:
//   model.<key>           parameters and buffers, also those outside the state_dict
//   optim.<key>.<name>    the optimizer's moments; optim.step its counter
//   random.cpu            state of the CPU generator (dropout and the like), as LibTorch's bytes
//   metadata["graphkiln.checkpoint"]  JSON: version, progress (step, epoch, position, ...), seed,
//                         graph shape (parameter count), scheduler, optimizer, normalization, torch
//                         version
// A reader refuses a version above its own. Shuffles and splits are functions of the seed, so their
// position alone is stored. Used by the training loop between steps. Not thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/worker/trainer/normalizer.h"
#include "services/worker/trainer/optimizer.h"
#include "services/worker/trainer/parameters.h"
#include "services/worker/trainer/progress.h"
#include "services/worker/trainer/protos.h"

namespace graphkiln::trainer {

inline constexpr int kCheckpointVersion = 1;
/// Key of the metadata that makes a safetensors file a checkpoint.
inline constexpr char kCheckpointMetadata[] = "graphkiln.checkpoint";
/// What stands before the keys of the model's tensors.
inline constexpr char kCheckpointModel[] = "model.";

/// The run's parts that a checkpoint holds; they must outlive it.
struct CheckpointParts {
  const api::JobSpec* job = nullptr;
  const Parameters* parameters = nullptr;
  const Optimizer* optimizer = nullptr;
};

/// Writes the container and describes it; `epoch` in the description is the epochs completed. A
/// full disk is DISK_FULL.
absl::StatusOr<v1::CheckpointWritten> WriteCheckpoint(const std::string& path,
                                                      const CheckpointParts& parts,
                                                      const Progress& progress,
                                                      const Normalizer& normalizer);

struct RestoredCheckpoint {
  Progress progress;
  Normalizer normalizer;
};

/// Fills parameters, optimizer state and the generator in place. CHECKPOINT_INVALID where the
/// container is damaged, too new, or of another model or job.
absl::StatusOr<RestoredCheckpoint> RestoreCheckpoint(const std::string& path,
                                                     const CheckpointParts& parts);

}  // namespace graphkiln::trainer
