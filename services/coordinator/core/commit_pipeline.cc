#include "services/coordinator/core/commit_pipeline.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/status.h"

namespace graphkiln::coordinator {

std::vector<Mutation> CommitPipeline::Seal() {
  SentBatch batch;
  batch.id = next_id_++;
  batch.effects = std::move(effects_);
  effects_.clear();
  sent_.push_back(std::move(batch));
  std::vector<Mutation> mutations = std::move(staged_);
  staged_.clear();
  return mutations;
}

void CommitPipeline::After(uint64_t id, std::function<void(absl::Status)> after) {
  if (id <= finished_id_ || id >= next_id_) {
    GRAPHKILN_BUG("commit_pipeline.after",
                  fmt::format("batch {} of ({}, {})", id, finished_id_, next_id_));
    return;
  }
  sent_[static_cast<size_t>(id - sent_.front().id)].after.push_back(std::move(after));
}

SentBatch CommitPipeline::Finish(uint64_t id) {
  if (id <= finished_id_ || id >= next_id_ ||
      sent_[static_cast<size_t>(id - sent_.front().id)].finished) {
    GRAPHKILN_BUG("commit_pipeline.finish", fmt::format("batch {} twice", id));
    return {};
  }
  SentBatch& slot = sent_[static_cast<size_t>(id - sent_.front().id)];
  SentBatch batch = std::move(slot);
  slot.id = id;
  slot.finished = true;
  while (!sent_.empty() && sent_.front().finished) {
    finished_id_ = sent_.front().id;
    sent_.pop_front();
  }
  return batch;
}

}  // namespace graphkiln::coordinator
