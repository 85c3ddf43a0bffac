// Training batches in the order that the seed gives, from any position of any epoch. Not
// thread-safe.
#pragma once

#include <cstdint>

#include "services/worker/trainer/protos.h"
#include "services/worker/trainer/table.h"

namespace graphkiln::trainer {

class Batches {
 public:
  /// `part` holds the training rows. `fixed_batch` (0: none) is the batch size that the program
  /// insists on; a last smaller batch is then left out.
  Batches(Table part, const api::DataSpec& spec, uint64_t seed, int64_t fixed_batch);

  int64_t steps_per_epoch() const;
  /// Rows of an epoch that are used.
  int64_t rows() const;
  int64_t batch_size() const { return batch_; }

  /// Prepares the epoch (from 1). May throw LibTorch's exceptions, as does At.
  void BeginEpoch(int64_t epoch);
  /// The batch that begins `position` rows into the epoch. REQUIRES: position < rows().
  Table At(int64_t position) const;

 private:
  // Up to this size an epoch's rows are brought into order at once, and batches are views.
  static constexpr int64_t kReorderBytes = int64_t{64} << 20;

  Table part_;
  Table ordered_;
  at::Tensor order_;
  uint64_t seed_;
  int64_t batch_;
  bool shuffle_;
  bool drop_last_;
};

}  // namespace graphkiln::trainer
