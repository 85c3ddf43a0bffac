#include "services/worker/trainer/batches.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "services/worker/trainer/split.h"

namespace graphkiln::trainer {
namespace {

constexpr int64_t kDefaultBatch = 32;

}  // namespace

Batches::Batches(Table part, const api::DataSpec& spec, uint64_t seed, int64_t fixed_batch)
    : part_(std::move(part)),
      seed_(seed),
      batch_(fixed_batch > 0 ? fixed_batch
                             : (spec.batch_size() > 0 ? spec.batch_size() : kDefaultBatch)),
      shuffle_(!spec.has_shuffle() || spec.shuffle()),
      drop_last_(spec.drop_last() || fixed_batch > 0) {}

int64_t Batches::rows() const { return drop_last_ ? part_.rows / batch_ * batch_ : part_.rows; }

int64_t Batches::steps_per_epoch() const { return (rows() + batch_ - 1) / batch_; }

void Batches::BeginEpoch(int64_t epoch) {
  if (!shuffle_) return;
  const std::vector<int64_t> order = EpochOrder(seed_, epoch, part_.rows);
  order_ = at::tensor(at::ArrayRef<int64_t>(order), at::kLong);
  if (part_.bytes() <= kReorderBytes) ordered_ = part_.Select(order_);
}

Table Batches::At(int64_t position) const {
  const int64_t count = std::min(batch_, rows() - position);
  if (!shuffle_) return part_.Slice(position, count);
  if (ordered_.rows > 0) return ordered_.Slice(position, count);
  return part_.Select(order_.narrow(0, position, count));
}

}  // namespace graphkiln::trainer
